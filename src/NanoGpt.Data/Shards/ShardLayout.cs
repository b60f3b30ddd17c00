namespace NanoGpt.Data;

/// <summary>
/// What the first bytes of a token file say: its format, the type of its tokens, how many there are and where they begin.
/// Whatever a header claims is held against the length of the file.
/// </summary>
/// <param name="Format">The format.</param>
/// <param name="Type">The integers it holds.</param>
/// <param name="Start">The offset of the first token in bytes.</param>
/// <param name="Count">The number of tokens.</param>
readonly record struct ShardLayout(ShardFormat Format, TokenType Type, long Start, long Count)
{
    /// <summary>Recognises a file by its first bytes, and a <c>.npy</c> by its name too.</summary>
    /// <exception cref="InvalidDataException">It is none of the formats, is cut off, or its header does not fit it; the message names the file and the fault.</exception>
    public static ShardLayout Read(string path, Stream file)
    {
        if (file.Length == 0) throw new InvalidDataException($"The token file '{path}' is empty; prepare the data set again.");
        Span<byte> first = stackalloc byte[LlmCHeader.Size];
        first = first[..file.ReadAtLeast(first, first.Length, throwOnEndOfStream: false)];
        if (NpyHeader.IsAt(first) || path.EndsWith(".npy", StringComparison.OrdinalIgnoreCase)) return NpyHeader.Read(path, file, first);
        if (LlmCHeader.IsAt(first, file.Length)) return LlmCHeader.Read(path, file.Length, first);
        if (file.Length % sizeof(ushort) != 0)
            throw new InvalidDataException($"The token file '{path}' has an odd length of {file.Length} bytes, so it is cut off or holds no uint16 tokens; prepare the data set again.");
        return new(ShardFormat.NanoGpt, TokenType.UInt16, 0, file.Length / sizeof(ushort));
    }
}
