using System.Buffers.Binary;

namespace NanoGpt.Data;

/// <summary>
/// The header of llm.c's and modded-nanogpt's token files: 256 <c>int32</c>, of which the first three are a magic number, a
/// version and the number of tokens, and the others 0.
/// </summary>
static class LlmCHeader
{
    /// <summary>Its length in bytes.</summary>
    public const int Size = 256 * sizeof(int);

    const int Magic = 20240520, Version = 1;

    /// <summary>
    /// Whether a file begins with one. The magic number is also the tokens 55432 and 308, so nanoGPT's file of a large
    /// vocabulary may begin with it: then the count is not that of the file, and what follows is not zeros.
    /// </summary>
    public static bool IsAt(ReadOnlySpan<byte> first, long length) =>
        first.Length >= 3 * sizeof(int) && Int(first, 0) == Magic
        && (Int(first, 1) == Version && length == Size + Int(first, 2) * 2L || first[(3 * sizeof(int))..].IndexOfAnyExcept((byte)0) < 0);

    /// <exception cref="InvalidDataException">The version is unknown, or the count is not that of the file.</exception>
    public static ShardLayout Read(string path, long length, ReadOnlySpan<byte> first)
    {
        int version = Int(first, 1), count = Int(first, 2);
        if (version != Version)
            throw new InvalidDataException($"'{path}' is an llm.c token file of version {version}, but this program reads version {Version}; write it again with uint16 tokens.");
        if (length < Size)
            throw new InvalidDataException($"'{path}' is cut off inside its header: {length} bytes, where an llm.c token file has a header of {Size}; fetch or prepare it again.");
        if (length != Size + count * (long)sizeof(ushort))
            throw new InvalidDataException($"The header of '{path}' says {count} tokens, but {length - Size} bytes follow it, not {count * 2L}; the file is cut off or damaged: fetch or prepare it again.");
        if (count == 0) throw new InvalidDataException($"The token file '{path}' holds no tokens; prepare the data set again.");
        return new(ShardFormat.LlmC, TokenType.UInt16, Size, count);
    }

    /// <exception cref="IOException">There are more tokens than the header can say.</exception>
    public static byte[] Write(long count)
    {
        if (count > int.MaxValue) throw new IOException($"A token file of llm.c holds at most {int.MaxValue} tokens, not {count}; write smaller shards.");
        var header = new byte[Size];
        BinaryPrimitives.WriteInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), Version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), (int)count);
        return header;
    }

    static int Int(ReadOnlySpan<byte> bytes, int index) => BinaryPrimitives.ReadInt32LittleEndian(bytes[(index * sizeof(int))..]);
}
