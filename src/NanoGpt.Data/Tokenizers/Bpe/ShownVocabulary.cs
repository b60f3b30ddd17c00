using System.Text;

namespace NanoGpt.Data;

/// <summary>A byte-level vocabulary as files show it: tokens in the <see cref="ByteAlphabet"/>, merges as two of them. What is amiss is a <see cref="FormatException"/>.</summary>
internal static class ShownVocabulary
{
    /// <summary>The tokenizer of tokens by their ids, and of merges as two tokens with a space between.</summary>
    public static BpeTokenizer Tokenizer(SplitPattern split, IReadOnlyList<string> tokens, IEnumerable<string> merges)
    {
        var ids = new Dictionary<string, int>();
        foreach (var (id, token) in tokens.Index())
            if (!ids.TryAdd(token, id)) throw new FormatException($"its tokens {ids[token]} and {id} are the same");
        var made = merges.Select((merge, rank) => merge.Split(' ') is [var left, var right] && Merge(left, right, ids) is { } found ? found
            : throw new FormatException($"its merge {rank} is not of two tokens that make a third"));
        return new BpeTokenizer("bpe", split, Bytes(ids), [.. made], ids.TryGetValue(BpeTokenizer.EndOfTextMark, out int mark) ? mark : null);
    }

    /// <summary>The bytes of the tokens by their ids.</summary>
    public static byte[][] Bytes(Dictionary<string, int> ids)
    {
        var tokens = new byte[ids.Count][];
        foreach (var (shown, id) in ids)
        {
            if ((uint)id >= (uint)tokens.Length || tokens[id] is not null) throw new FormatException($"its ids are not 0 to {tokens.Length - 1}, each once: see {id}");
            tokens[id] = shown == BpeTokenizer.EndOfTextMark ? Encoding.UTF8.GetBytes(shown) : ByteAlphabet.Read(shown) ?? Encoding.UTF8.GetBytes(shown);
        }
        return tokens;
    }

    /// <summary>A merge; null where it is not of two tokens that make a third.</summary>
    public static BpeMerge? Merge(string left, string right, Dictionary<string, int> ids) =>
        ids.TryGetValue(left, out int a) && ids.TryGetValue(right, out int b) && ids.TryGetValue(left + right, out int made) ? new BpeMerge(a, b, made) : null;
}
