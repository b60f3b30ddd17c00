using System.IO.MemoryMappedFiles;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace NanoGpt.Data;

/// <summary>
/// A file of tokens in any of the formats. It is mapped, not read, so it may be larger than memory and larger than 2 GB;
/// windows of it are copied out.
/// </summary>
public sealed unsafe class TokenShard : IDisposable
{
    readonly MemoryMappedFile file;
    readonly MemoryMappedViewAccessor view;
    byte* tokens;

    TokenShard(string path, MemoryMappedFile file, ShardLayout layout)
    {
        (Path, this.file, Format, Type, Count) = (path, file, layout.Format, layout.Type, layout.Count);
        view = file.CreateViewAccessor(0, layout.Start + Count * Type.Size(), MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        tokens = start + view.PointerOffset + layout.Start;
    }

    /// <summary>Opens a shard for reading; its format is recognised by its first bytes and its name.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is empty or cut off, its header does not fit it, or it does not hold tokens.</exception>
    public static TokenShard Open(string path)
    {
        if (Directory.Exists(path)) throw new InvalidDataException($"'{path}' is a directory, not a token file.");
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no token file '{path}'; prepare the data set first (nanogpt prepare).", path);
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        try
        {
            var layout = ShardLayout.Read(path, stream);
            var file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            return new TokenShard(path, file, layout);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Where the shard was opened.</summary>
    public string Path { get; }

    /// <summary>Its format.</summary>
    public ShardFormat Format { get; }

    /// <summary>What its tokens are stored as.</summary>
    public TokenType Type { get; }

    /// <summary>The number of tokens.</summary>
    public long Count { get; }

    /// <summary>Copies the tokens from <paramref name="offset"/> on, as many as the destination takes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The window reaches beyond the shard.</exception>
    /// <exception cref="InvalidDataException">A number in it is negative, or beyond 31 bits.</exception>
    public void Read(long offset, Span<int> destination)
    {
        ObjectDisposedException.ThrowIf(tokens == null, this);
        if (offset < 0 || offset > Count - destination.Length)
            throw new ArgumentOutOfRangeException(nameof(offset), $"Tokens {offset} to {offset + destination.Length} reach beyond the {Count} tokens of '{Path}'.");
        byte* from = tokens + offset * Type.Size();
        switch (Type)
        {
            case TokenType.UInt16:
                for (int i = 0; i < destination.Length; i++) destination[i] = Unsafe.ReadUnaligned<ushort>(from + 2L * i);
                return;
            case TokenType.Int64:
                for (int i = 0; i < destination.Length; i++)
                {
                    long token = Unsafe.ReadUnaligned<long>(from + 8L * i);
                    destination[i] = token is >= 0 and <= int.MaxValue ? (int)token : throw NoToken(token, offset + i);
                }
                return;
            default:
                for (int i = 0; i < destination.Length; i++)
                {
                    int token = Unsafe.ReadUnaligned<int>(from + 4L * i);
                    destination[i] = token >= 0 ? token : throw NoToken(Type == TokenType.UInt32 ? (uint)token : token, offset + i);
                }
                return;
        }
    }

    /// <summary>The position of the first token of an id, from a position on; -1 where there is none.</summary>
    public long IndexOf(int token, long from)
    {
        ObjectDisposedException.ThrowIf(tokens == null, this);
        const int block = 1 << 28;
        for (; from < Count; from += block)
        {
            int length = (int)Math.Min(block, Count - from);
            int found = Type switch
            {
                TokenType.UInt16 => token > ushort.MaxValue ? -1 : new ReadOnlySpan<ushort>(tokens + 2 * from, length).IndexOf((ushort)token),
                TokenType.Int64 => new ReadOnlySpan<long>(tokens + 8 * from, length).IndexOf(token),
                _ => new ReadOnlySpan<int>(tokens + 4 * from, length).IndexOf(token),
            };
            if (found >= 0) return from + found;
        }
        return -1;
    }

    /// <summary>Checks that every token is below the size of a vocabulary: one pass over the file.</summary>
    /// <exception cref="InvalidDataException">A token is not; the message names the file, the position and the token.</exception>
    public void Validate(int vocabSize)
    {
        if (Type == TokenType.UInt16 && vocabSize > ushort.MaxValue) return;
        var window = new int[1 << 14];
        for (long start = 0; start < Count; start += window.Length)
        {
            Span<int> block = window.AsSpan(0, (int)Math.Min(window.Length, Count - start));
            Read(start, block);
            Validate(block, start, vocabSize);
        }
    }

    /// <summary>Checks that tokens that were read from <paramref name="offset"/> are below the size of a vocabulary.</summary>
    /// <exception cref="InvalidDataException">One is not; the message names the file, the position and the token.</exception>
    public void Validate(ReadOnlySpan<int> window, long offset, int vocabSize)
    {
        int i = 0;
        if (vocabSize > 0)
        {
            var highest = Vector<int>.Zero;
            for (; i <= window.Length - Vector<int>.Count; i += Vector<int>.Count) highest = Vector.Max(highest, new Vector<int>(window[i..]));
            if (Vector.GreaterThanAny(highest, new Vector<int>(vocabSize - 1))) i = 0; // it is among these: find where
        }
        for (; i < window.Length; i++)
            if (window[i] >= vocabSize)
                throw new InvalidDataException($"'{Path}' has token {window[i]} at position {offset + i}, outside the vocabulary of {vocabSize}; " +
                    "the file belongs to another vocabulary or is damaged: prepare the data set again.");
    }

    /// <summary>Closes the mapping.</summary>
    public void Dispose()
    {
        if (tokens == null) return;
        tokens = null;
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        file.Dispose();
    }

    InvalidDataException NoToken(long number, long position) =>
        new($"'{Path}' has {number} at position {position}, which is no token; the file is damaged or holds something else: prepare the data set again.");
}
