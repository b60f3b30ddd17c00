using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Models.Tests;

/// <summary>A model with random weights, biases and gains among them, in a file of ours, and a folder for what becomes of it.</summary>
sealed class RandomWeights : IDisposable
{
    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("nanogpt-weights-");

    public RandomWeights(GptConfig config)
    {
        using var device = CpuDevice.Create(1);
        var model = new Gpt(config);
        using var store = new ParameterStore(device, model.Parameters, gradients: false);
        device.FillNormal(store.Values, 0.3f, seed: 7, stream: 1);
        string path = this["model.safetensors"];
        using (var file = File.Create(path))
        {
            var writer = new SafetensorsWriter(file);
            WeightFiles.Write(writer, device, store.Parameters.Select(p => (p.Name, p.Shape, p.Data)));
            writer.Complete();
        }
        Weights = PretrainedWeights.Open(path, config);
    }

    public PretrainedWeights Weights { get; }

    public string this[string name] => Path.Combine(folder.FullName, name);

    /// <summary>Writes a file and opens what lies there.</summary>
    public PretrainedWeights Reopened(string name, Action<Stream> write)
    {
        using (var file = File.Create(this[name])) write(file);
        return PretrainedWeights.Open(this[name]);
    }

    public void Dispose()
    {
        Weights.Dispose();
        folder.Delete(recursive: true);
    }
}
