using System.Text;
using System.Text.RegularExpressions;
using NanoGpt.Data;
using NanoGpt.Models;

namespace NanoGpt.Training;

/// <summary>What a GGUF file says of a tokenizer.</summary>
internal static class GgufTokenizer
{
    const string Prefix = GgufVocabulary.Prefix, BytePairs = "gpt2", Longest = "rwkv";
    const int Normal = 1, Control = 3;

    static readonly (SplitPattern Split, string Pre)[] splits = [(SplitPattern.Gpt2, "gpt-2"), (SplitPattern.Gpt4, "dbrx")];     // DBRX cuts text as GPT-4 does

    /// <summary>The tokenizer that a file describes; null where it is of a kind that is not known here.</summary>
    /// <param name="vocabulary">What the file says.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="InvalidDataException">The description is damaged.</exception>
    public static Tokenizer? Read(GgufVocabulary vocabulary, string path)
    {
        try
        {
            return vocabulary.Model switch
            {
                BytePairs when splits.FirstOrDefault(known => known.Pre == (vocabulary.Pre ?? "gpt-2")).Split is { } split => Tokenizers.FromShown(split, vocabulary.Tokens, vocabulary.Merges),
                Longest => new CharTokenizer(vocabulary.Tokens.Select(Unescaped)),
                _ => null,
            };
        }
        catch (Exception fault) when (fault is FormatException or ArgumentException)
        {
            throw new InvalidDataException($"{path}: its tokenizer cannot be read: {fault.Message.TrimEnd('.')}.", fault);
        }
    }

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
        entries.Add(Prefix + "model", BytePairs);
        entries.Add(Prefix + "pre", splits.First(known => known.Split == tokenizer.Split).Pre);
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
        entries.Add(Prefix + "model", Longest);
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

    /// <summary>The text of such a token: a regular expression would have the same escapes, for bytes as for characters up to 255.</summary>
    static string Unescaped(string token) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(Regex.Unescape(token)));
}
