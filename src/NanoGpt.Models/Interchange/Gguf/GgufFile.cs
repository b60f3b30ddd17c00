using System.Globalization;

namespace NanoGpt.Models;

/// <summary>The weights of a GPT-2 in a GGUF file, as llama.cpp reads it, under nanoGPT's names.</summary>
internal sealed class GgufFile : IDisposable
{
    readonly FileBytes file;
    readonly GgufHeader header;

    /// <exception cref="InvalidDataException">It is damaged, of another kind of model, or in a type that is not read.</exception>
    public GgufFile(string path)
    {
        file = new FileBytes(path);
        try
        {
            header = new GgufHeader(file);
            Config = ReadConfig();
            Tensors = [.. header.Tensors.Select(Tensor)];
        }
        catch (FormatException fault)
        {
            file.Dispose();
            throw new InvalidDataException($"{path}: not a valid GGUF file of a GPT-2: {fault.Message}.", fault);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public GptConfig Config { get; }

    public IReadOnlyList<StoredTensor> Tensors { get; }

    /// <summary>What it says of its tokenizer; null where it says nothing.</summary>
    /// <exception cref="InvalidDataException">What it says is garbled.</exception>
    public GgufVocabulary? ReadVocabulary()
    {
        try
        {
            return GgufVocabulary.Read(header, Config.VocabSize);
        }
        catch (FormatException fault)
        {
            throw new InvalidDataException($"{file.Path}: its tokenizer cannot be read: {fault.Message}.", fault);
        }
    }

    GptConfig ReadConfig()
    {
        if (header[GgufNames.Architecture] is not "gpt2") throw new FormatException($"its {GgufNames.Architecture} is {Show(header[GgufNames.Architecture])}; only gpt2 can be loaded");
        var embedding = header.Tensors.FirstOrDefault(tensor => tensor.Name == "token_embd.weight");
        if (embedding is not { Shape: [>= 1 and <= PretrainedConfig.Largest, _] }) throw new FormatException("it has no token_embd.weight that could be the embedding of a vocabulary");
        var config = new GptConfig(Size(GgufNames.Context), (int)embedding.Shape[0], Size(GgufNames.Layers), Size(GgufNames.Heads), Size(GgufNames.Width),
            Gelu: header[GgufNames.Gelu] is "erf" ? GeluForm.Erf : GeluForm.Tanh);
        if (PretrainedConfig.Fault(config) is { } fault) throw new FormatException(fault);
        if (Size(GgufNames.FeedForward) != 4L * config.NEmbd) throw new FormatException($"its {GgufNames.FeedForward} is {Size(GgufNames.FeedForward)}; this model has four times the width only");
        if (header[GgufNames.Epsilon] is not double epsilon || (float)epsilon != 1e-5f) throw new FormatException($"its {GgufNames.Epsilon} is {Show(header[GgufNames.Epsilon])}; this model has 1e-05 only");
        return config;
    }

    int Size(string key) => header[key] is long size and >= 1 and <= PretrainedConfig.Largest
        ? (int)size : throw new FormatException($"its {key} is {Show(header[key])}, not a whole number from 1 to {PretrainedConfig.Largest}");

    StoredTensor Tensor(GgufEntry entry)
    {
        string name = GgufNames.ToNanoGpt(entry.Name);
        if (entry.Type == GgufTensorType.Q8_0) return new StoredTensor(name, entry.Shape, (destination, start) => Q8Blocks.Read(file, entry.Offset, destination, start));
        var dtype = entry.Type switch { GgufTensorType.F16 => SafetensorsDtype.F16, GgufTensorType.BF16 => SafetensorsDtype.BF16, _ => SafetensorsDtype.F32 };
        return new StoredTensor(name, entry.Shape, new FloatBytes(file, dtype, entry.Offset, entry.Shape.Aggregate(1L, (product, size) => product * size)).Read);
    }

    static string Show(object? value) => value switch
    {
        null => "missing",
        string text => text.Any(char.IsControl) ? "garbled" : $"'{text}'",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    public void Dispose() => file.Dispose();
}
