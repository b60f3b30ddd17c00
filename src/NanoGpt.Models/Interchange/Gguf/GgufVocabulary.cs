namespace NanoGpt.Models;

/// <summary>What a GGUF file says of its tokenizer, as it stands there.</summary>
/// <param name="Model">Its kind: <c>gpt2</c> is byte-level BPE.</param>
/// <param name="Pre">How a text is cut into words; null where the file does not say that.</param>
/// <param name="Tokens">The tokens by their ids, without what only pads the vocabulary.</param>
/// <param name="Merges">The merges, first the ones learned first; none where the kind has none.</param>
public sealed record GgufVocabulary(string Model, string? Pre, IReadOnlyList<string> Tokens, IReadOnlyList<string> Merges)
{
    /// <summary>What the keys begin with.</summary>
    public const string Prefix = "tokenizer.ggml.";

    const int Unused = 5;       // the type of a token that converters put where the embedding has rows without a meaning

    /// <summary>Reads it from the head of a file whose embedding has so many rows.</summary>
    /// <exception cref="FormatException">It is longer than it can be.</exception>
    internal static GgufVocabulary? Read(GgufHeader header, int rows)
    {
        if (header[Prefix + "model"] is not string model || header.Texts(Prefix + "tokens", rows) is not { } tokens) return null;
        var types = header.Numbers(Prefix + "token_type", rows) ?? [];
        int count = tokens.Count;
        while (count > 0 && count <= types.Count && types[count - 1] == Unused) count--;
        return new(model, header[Prefix + "pre"] as string, [.. tokens.Take(count)], header.Texts(Prefix + "merges", rows) ?? []);
    }
}
