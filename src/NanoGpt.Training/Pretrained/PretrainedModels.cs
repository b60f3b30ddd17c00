using NanoGpt.Data;
using NanoGpt.Models;

namespace NanoGpt.Training;

/// <summary>
/// Finds the weights that <c>init_from</c> names. A path is itself. OpenAI's four GPT-2s have names; the folder of one is, in this order:
/// <list type="number">
/// <item>the folder of that name in <c>pretrained_dir</c>, with weights in any format that can be read;</item>
/// <item>Hugging Face's cache, where its own programs have put it;</item>
/// <item>downloaded from there into <c>pretrained_dir</c>.</item>
/// </list>
/// </summary>
public static class PretrainedModels
{
    /// <summary>The names: 124, 355, 774 and 1,558 million parameters.</summary>
    public static IReadOnlyList<string> Names { get; } = ["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"];

    /// <summary>The file or folder of the weights.</summary>
    /// <param name="initFrom">One of <see cref="Names"/>, or a path; for a folder that is called like one of them, write <c>./gpt2</c>.</param>
    /// <param name="directory">Where named weights are looked for first, and downloaded to.</param>
    /// <param name="watch">Who looks on while they are downloaded.</param>
    /// <exception cref="ArgumentException">It is neither.</exception>
    /// <exception cref="IOException">They cannot be downloaded; the message says what else can be done.</exception>
    public static string Locate(string initFrom, string directory, DownloadWatch watch)
    {
        if (Fault(initFrom, "'resume'") is { } fault) throw new ArgumentException(fault);
        if (!Names.Contains(initFrom)) return initFrom;
        string own = Path.Combine(directory, initFrom);
        string?[] folders = [own, .. Repositories(initFrom).Select(repository => HuggingFaceCache.Find(repository, Environment.GetEnvironmentVariable))];
        if (folders.FirstOrDefault(folder => folder is not null && PretrainedWeights.AreIn(folder)) is { } found) return found;
        HubModel.Fetch(Repositories(initFrom)[0], own, watch);
        return own;
    }

    /// <summary>What is wrong with an <c>init_from</c> that should name pretrained weights, or null.</summary>
    /// <param name="initFrom">The value.</param>
    /// <param name="others">The other values that it could have, in words.</param>
    public static string? Fault(string initFrom, string others) => Names.Contains(initFrom) || Path.Exists(initFrom) ? null
        : $"init_from='{initFrom}': there is no such file or folder; give {others}, one of {string.Join(", ", Names)}, or where pretrained weights are (model.safetensors, pytorch_model.bin, ckpt.pt, a .gguf or an llm.c .bin).";

    /// <summary>Where a name is on Hugging Face, and where it was before 2024.</summary>
    static string[] Repositories(string name) => [$"openai-community/{name}", name];
}
