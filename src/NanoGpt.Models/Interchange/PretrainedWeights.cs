using NanoGpt.Tensors;

namespace NanoGpt.Models;

/// <summary>
/// Weights of a GPT-2 from a file of whatever format, under nanoGPT's names and in its layout:
/// <code>
/// model.safetensors, model.safetensors.index.json, pytorch_model.bin    Hugging Face; config.json lies beside
/// ckpt.pt                                                                nanoGPT
/// gpt2_124M.bin                                                          llm.c, version 3 or 5
/// *.gguf                                                                 llama.cpp, in F32, F16, BF16 or Q8_0
/// </code>
/// Nothing is read but what says where the tensors are, until they are asked for. A tensor that is missing or of another
/// shape is an error; what is left over is told in <see cref="Notes"/>.
/// </summary>
public sealed class PretrainedWeights : IDisposable
{
    const int Piece = 1 << 20;

    readonly WeightSource source;
    readonly Dictionary<string, StoredTensor> tensors;

    PretrainedWeights(WeightSource source)
    {
        this.source = source;
        (tensors, Notes) = GptTensors.Gather(source);
    }

    /// <summary>The file.</summary>
    public string Path => source.Path;

    /// <summary>What kind of file it is, as in "Hugging Face safetensors".</summary>
    public string Format => source.Format;

    /// <summary>The model that they are of.</summary>
    public GptConfig Config => source.Config;

    /// <summary>The name of the data set that a checkpoint of nanoGPT says it was trained on; null elsewhere.</summary>
    public string? Dataset => source.Dataset;

    /// <summary>What a GGUF file says of its tokenizer; null elsewhere, or where it says nothing.</summary>
    /// <exception cref="InvalidDataException">What it says is garbled.</exception>
    public GgufVocabulary? ReadVocabulary() => source.ReadVocabulary?.Invoke();

    /// <summary>Sentences for the user: what the file holds that the model has no use for.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>The tensors under nanoGPT's names and in its layout.</summary>
    internal IReadOnlyDictionary<string, StoredTensor> Tensors => tensors;

    /// <summary>Whether a folder holds weights under one of the names that <see cref="Open(string)"/> knows.</summary>
    public static bool AreIn(string folder) => WeightSource.IsIn(folder);

    /// <summary>Opens a file, or the first of the known names in a folder.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="InvalidDataException">It is damaged, or of another kind of model; the message names the file and the fault.</exception>
    public static PretrainedWeights Open(string path)
    {
        var source = WeightSource.Open(path);
        try
        {
            return new PretrainedWeights(source);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Opens a safetensors file with nanoGPT's names, whose sizes are known from elsewhere.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or of another model.</exception>
    public static PretrainedWeights Open(string path, GptConfig config)
    {
        var source = WeightSource.OpenSafetensors(path, config);
        try
        {
            return new PretrainedWeights(source);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Fills parameters of a model of these sizes. Its context may be shorter: then the first rows of the position table are
    /// taken (nanoGPT's <c>crop_block_size</c>).
    /// </summary>
    /// <exception cref="InvalidDataException">The file was cut short meanwhile.</exception>
    public void CopyTo(Device device, IEnumerable<Parameter> parameters)
    {
        var buffer = new float[Piece];
        foreach (var parameter in parameters)
        {
            var tensor = tensors[parameter.Name];
            if (parameter.Shape.Count > tensor.Count) throw new ArgumentException($"{parameter.Name} is {parameter.Shape}, more than the {tensor.Count} elements in {Path}.");
            for (long start = 0; start < parameter.Shape.Count; start += Piece)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(Piece, parameter.Shape.Count - start));
                tensor.Read(part, start);
                device.Write(part, parameter.Data.Slice(start, part.Length));
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => source.Dispose();
}
