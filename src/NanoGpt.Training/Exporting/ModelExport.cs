using System.Globalization;
using NanoGpt.Data;
using NanoGpt.Models;

namespace NanoGpt.Training;

/// <summary>
/// A trained model on its way to the tools of others. Each form is written whole or not at all, and gives sentences about what is
/// different there.
/// </summary>
public sealed class ModelExport : IDisposable
{
    readonly StoredModel model;
    readonly PretrainedWeights weights;
    readonly Tokenizer tokenizer;
    readonly int threads;

    /// <summary>Opens the weights of a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="threads">Threads to measure with; 0 is all.</param>
    /// <exception cref="FileNotFoundException">Nothing says what its tokens mean.</exception>
    /// <exception cref="InvalidDataException">Its weights are damaged.</exception>
    public ModelExport(StoredModel model, int threads = 0)
    {
        (this.model, tokenizer, this.threads) = (model, model.KnownTokenizer, threads);
        weights = model.OpenWeights();
    }

    /// <summary>About how many values an export writes.</summary>
    public long Count => weights.Config.ParameterCount();

    /// <summary>Told how many values are written.</summary>
    public Action<long>? Progress { get; set; }

    internal DurableDisk Disk { get; set; } = new();

    /// <summary>Writes a folder that Hugging Face's <c>GPT2LMHeadModel</c> and <c>AutoTokenizer</c> load.</summary>
    /// <param name="to">The folder.</param>
    /// <param name="overwrite">Whether files that are there may be replaced.</param>
    /// <exception cref="IOException">Something is there already, or it cannot be written.</exception>
    public IReadOnlyList<string> ToHuggingFace(string to, bool overwrite = false)
    {
        var portable = new PortableWeights(weights, tokenizer.VocabSize);
        new ExportTarget(to, overwrite, Disk).WriteFolder(folder => HuggingFaceFolder.Write(folder, portable, tokenizer, Disk, Progress), HuggingFaceFolder.Names);
        return [.. Differences(portable.Config)];
    }

    /// <summary>Writes a GGUF file that llama.cpp runs.</summary>
    /// <param name="to">The file.</param>
    /// <param name="precision">The format of its matrices.</param>
    /// <param name="overwrite">Whether a file that is there may be replaced.</param>
    /// <exception cref="IOException">Something is there already, or it cannot be written.</exception>
    /// <exception cref="InvalidDataException">A weight is too large for binary16.</exception>
    public IReadOnlyList<string> ToGguf(string to, GgufPrecision precision, bool overwrite = false)
    {
        var portable = new PortableWeights(weights, tokenizer.VocabSize);
        var entries = GgufTokenizer.Describe(tokenizer);
        string name = Path.GetFileNameWithoutExtension(to);
        new ExportTarget(to, overwrite, Disk).WriteFile(stream => GgufModel.Write(stream, portable, precision, name, entries, Progress));
        return [.. Differences(portable.Config), .. GeluNotes(GeluForm.Tanh, "llama.cpp computes GELU in its tanh form")];
    }

    /// <summary>Writes a folder like nanoGPT's <c>out_dir</c>, with a <c>ckpt.pt</c> that its sample.py reads. The vocabulary keeps its padding, as nanoGPT has it.</summary>
    /// <param name="to">The folder.</param>
    /// <param name="overwrite">Whether files that are there may be replaced.</param>
    /// <exception cref="IOException">Something is there already, or it cannot be written.</exception>
    public IReadOnlyList<string> ToNanoGpt(string to, bool overwrite = false)
    {
        new ExportTarget(to, overwrite, Disk).WriteFolder(folder => NanoGptFolder.Write(folder, weights, model.State, tokenizer, Disk, Progress), NanoGptFolder.Names);
        return [.. GeluNotes(GeluForm.Erf, "nanoGPT computes the exact GELU")];
    }

    IEnumerable<string> Differences(GptConfig exported)
    {
        if (weights.Config.VocabSize - exported.VocabSize is var padding and > 0) yield return $"{padding} rows that only pad the vocabulary are left out: it has the tokenizer's {exported.VocabSize:N0} tokens.";
        if (!weights.Config.Bias) yield return "the model has no biases; they are written as zeros.";
    }

    IEnumerable<string> GeluNotes(GeluForm there, string what)
    {
        if (weights.Config.Gelu == there) yield break;
        var difference = GeluDifference.Measure(weights, tokenizer, threads);
        yield return string.Create(CultureInfo.InvariantCulture, $"{what}, this model was trained with the {(there == GeluForm.Tanh ? "exact one" : "tanh form")}: over {difference.Tokens} tokens that it wrote, its loss changes by {difference.Loss:+0.000000;-0.000000;0}, no logit by more than {difference.Logit:0.0000}.");
    }

    /// <inheritdoc/>
    public void Dispose() => weights.Dispose();
}
