namespace NanoGpt.Cli.Tests;

/// <summary>
/// A tiny GPT-2 of Hugging Face's (random weights, 1,024 tokens) in the folder <c>tiny</c>, with a tokenizer of as many tokens beside it, and
/// tiny Shakespeare in these tokens in <c>data/shakespeare</c>. Made once for all tests of pretrained weights; no network, no cache.
/// </summary>
public sealed class PretrainedWorkplace : IDisposable
{
    internal Workplace Work { get; } = new();

    internal static string Tiny => Repository.SharedData("torch_ref/hf_tiny_gpt2");

    public PretrainedWorkplace()
    {
        Isolate(Work);
        string text = Repository.SharedData("tinyshakespeare.txt");
        Work.Run("tokenizer", "train", "--input", text, "--vocab_size=1024", "--out=tokenizer").Succeeded();
        Work.Run("prepare", "shakespeare", "--input", text, "--tokenizer=tokenizer", "--out=data/shakespeare").Succeeded();
        Copy(Work, "tiny", "config.json", "model.safetensors");
        File.Copy(Work[Path.Combine("tokenizer", "tokenizer.json")], Work[Path.Combine("tiny", "tokenizer.json")]);
    }

    /// <summary>Keeps programs from the caches and the network of this machine.</summary>
    internal static void Isolate(Workplace work)
    {
        work.Environment["HF_HUB_CACHE"] = work["no-cache"];
        work.Environment["HF_ENDPOINT"] = "http://127.0.0.1:9";
    }

    /// <summary>Copies files of the tiny GPT-2 into a folder.</summary>
    internal static void Copy(Workplace work, string folder, params ReadOnlySpan<string> files)
    {
        Directory.CreateDirectory(work[folder]);
        foreach (string file in files)
        {
            File.Copy(Path.Combine(Tiny, file), Path.Combine(work[folder], file));
            File.SetAttributes(Path.Combine(work[folder], file), FileAttributes.Normal);
        }
    }

    public void Dispose() => Work.Dispose();
}
