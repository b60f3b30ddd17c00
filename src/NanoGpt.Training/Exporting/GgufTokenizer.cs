using System.Text;
using NanoGpt.Data;
using NanoGpt.Models;

namespace NanoGpt.Training;

/// <summary>What a GGUF file says of a tokenizer.</summary>
internal static class GgufTokenizer
{
    const string Prefix = "tokenizer.ggml.";
    const int Normal = 1, Control = 3;

    /// <exception cref="InvalidDataException">llama.cpp has nothing that does what it does.</exception>
    public static GgufMetadata Describe(Tokenizer tokenizer)
    {
        var entries = new GgufMetadata();
        switch (tokenizer)
        {
            case BpeTokenizer bpe: Describe(entries, bpe); break;
            case CharTokenizer characters: Describe(entries, characters); break;
            default: throw new InvalidDataException($"The tokenizer '{tokenizer.Name}' has no form that llama.cpp reads.");
        }
        return entries;
    }

    static void Describe(GgufMetadata entries, BpeTokenizer tokenizer)
    {
        entries.Add(Prefix + "model", "gpt2");
        entries.Add(Prefix + "pre", tokenizer.Split == SplitPattern.Gpt2 ? "gpt-2" : "dbrx");      // DBRX cuts text as GPT-4 does
        entries.Add(Prefix + "tokens", (string[])[.. Enumerable.Range(0, tokenizer.VocabSize).Select(tokenizer.Shown)]);
        entries.Add(Prefix + "token_type", (int[])[.. Enumerable.Range(0, tokenizer.VocabSize).Select(id => id == tokenizer.EndOfText ? Control : Normal)]);
        entries.Add(Prefix + "merges", (string[])[.. tokenizer.ShownMerges]);
        entries.Add(Prefix + "add_bos_token", false);
        if (tokenizer.EndOfText is not { } mark) return;
        entries.Add(Prefix + "bos_token_id", mark);
        entries.Add(Prefix + "eos_token_id", mark);
        entries.Add(Prefix + "unknown_token_id", mark);
    }

    /// <summary>
    /// Single characters as a vocabulary of RWKV's kind: always the longest token that fits, no merges, and, which matters here, no
    /// token that ends a text (with the kind gpt2, llama.cpp would take the twelfth character for it).
    /// </summary>
    static void Describe(GgufMetadata entries, CharTokenizer tokenizer)
    {
        entries.Add(Prefix + "model", "rwkv");
        entries.Add(Prefix + "tokens", (string[])[.. tokenizer.Vocabulary.Select(Escaped)]);
        entries.Add(Prefix + "token_type", (int[])[.. Enumerable.Repeat(Normal, tokenizer.VocabSize)]);
    }

    /// <summary>A token as that kind writes it: bytes outside printable ASCII as <c>\x0a</c>.</summary>
    static string Escaped(string character)
    {
        var text = new StringBuilder();
        foreach (byte b in Encoding.UTF8.GetBytes(character))
        {
            if (b is < 0x20 or > 0x7E or (byte)'\\') text.Append($"\\x{b:x2}");
            else text.Append((char)b);
        }
        return text.ToString();
    }
}
