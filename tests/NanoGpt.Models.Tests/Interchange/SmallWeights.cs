using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Models.Tests;

/// <summary>Random weights of a small GPT, to be written in the formats of others.</summary>
sealed class SmallWeights
{
    public static GptConfig Config { get; } = new(BlockSize: 6, VocabSize: 11, NLayer: 2, NHead: 2, NEmbd: 8, Gelu: GeluForm.Tanh);

    /// <summary>What lies beside weights of Hugging Face.</summary>
    public const string ConfigJson = """{"model_type": "gpt2", "n_positions": 6, "vocab_size": 11, "n_layer": 2, "n_head": 2, "n_embd": 8}""";

    public SmallWeights(int seed = 1)
    {
        var random = new Random(seed);
        foreach (var parameter in new Gpt(Config).Parameters)
        {
            float[] values = [.. Enumerable.Range(0, checked((int)parameter.Shape.Count)).Select(_ => random.NextSingle() - 0.5f)];
            Tensors.Add(parameter.Name, ([.. Enumerable.Range(0, parameter.Shape.Rank).Select(i => (long)parameter.Shape[i])], values));
        }
    }

    /// <summary>Shapes and values by nanoGPT's names, in nanoGPT's layout.</summary>
    public Dictionary<string, (long[] Shape, float[] Values)> Tensors { get; } = [];

    /// <summary>The same as Hugging Face has them: without the first part of the name, matrices (in, out).</summary>
    public IEnumerable<(string Name, long[] Shape, float[] Values)> HuggingFace() => Tensors.Select(t =>
        (t.Key["transformer.".Length..], IsMatrix(t.Key) ? [.. t.Value.Shape.Reverse()] : t.Value.Shape, IsMatrix(t.Key) ? Turned(t.Value.Shape, t.Value.Values) : t.Value.Values));

    /// <summary>Whether a tensor is a Conv1D in OpenAI's code.</summary>
    public static bool IsMatrix(string name) => name.EndsWith(".weight", StringComparison.Ordinal) && (name.Contains(".c_", StringComparison.Ordinal));

    static float[] Turned(long[] shape, float[] values)
    {
        var turned = new float[values.Length];
        for (int r = 0; r < shape[0]; r++)
            for (int c = 0; c < shape[1]; c++) turned[c * shape[0] + r] = values[r * shape[1] + c];
        return turned;
    }

    /// <summary>Opens a file or folder and checks that it holds these weights, to the bit.</summary>
    /// <param name="path">What to open.</param>
    /// <param name="rounded">What the format does to a value.</param>
    public string AssertIn(string path, Func<float, float>? rounded = null)
    {
        using var weights = PretrainedWeights.Open(path);
        Assert.Equal(Config, weights.Config);
        Assert.Empty(weights.Notes);
        foreach (var (name, values) in Read(weights)) Assert.Equal(Tensors[name].Values.Select(rounded ?? (value => value)), values);
        return weights.Format;
    }

    /// <summary>All that a file holds.</summary>
    public static Dictionary<string, float[]> Read(PretrainedWeights weights)
    {
        using var device = CpuDevice.Create(1);
        var model = new Gpt(weights.Config);
        using var store = new ParameterStore(device, model.Parameters, gradients: false);
        weights.CopyTo(device, store.Parameters);
        return store.Parameters.ToDictionary(p => p.Name, p => Trainee.Read(device, p.Data));
    }
}
