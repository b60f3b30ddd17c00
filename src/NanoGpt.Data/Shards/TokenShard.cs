using System.IO.MemoryMappedFiles;
using System.Numerics;

namespace NanoGpt.Data;

/// <summary>
/// Tokens in nanoGPT's format: <c>uint16</c>, little-endian, no header. The file is mapped, not read, so it may be larger
/// than memory and larger than 2 GB; windows of it are copied out.
/// </summary>
public sealed unsafe class TokenShard : IDisposable
{
    readonly MemoryMappedFile file;
    readonly MemoryMappedViewAccessor view;
    ushort* tokens;

    TokenShard(string path, MemoryMappedFile file, long count)
    {
        (Path, this.file, Count) = (path, file, count);
        view = file.CreateViewAccessor(0, count * sizeof(ushort), MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        tokens = (ushort*)(start + view.PointerOffset);
    }

    /// <summary>Opens a shard for reading.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is empty, or its length is odd.</exception>
    public static TokenShard Open(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no token file '{path}'; prepare the data set first (nanogpt prepare).", path);
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        try
        {
            long length = stream.Length;
            if (length == 0) throw new InvalidDataException($"The token file '{path}' is empty; prepare the data set again.");
            if (length % sizeof(ushort) != 0)
                throw new InvalidDataException($"The token file '{path}' has an odd length of {length} bytes, so it is cut off or holds no uint16 tokens; prepare the data set again.");
            var file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            return new TokenShard(path, file, length / sizeof(ushort));
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Where the shard was opened.</summary>
    public string Path { get; }

    /// <summary>The number of tokens.</summary>
    public long Count { get; }

    /// <summary>Copies the tokens from <paramref name="offset"/> on, as many as the destination takes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The window reaches beyond the shard.</exception>
    public void Read(long offset, Span<int> destination)
    {
        ReadOnlySpan<ushort> window = Window(offset, destination.Length);
        for (int i = 0; i < window.Length; i++) destination[i] = window[i];
    }

    /// <summary>Checks that every token is below the size of a vocabulary: one pass over the file at memory speed.</summary>
    /// <exception cref="InvalidDataException">A token is not; the message names the file, the position and the token.</exception>
    public void Validate(int vocabSize)
    {
        long position = FirstOutside(vocabSize);
        if (position >= 0)
            throw new InvalidDataException($"'{Path}' has token {Window(position, 1)[0]} at position {position}, outside the vocabulary of {vocabSize}; " +
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

    long FirstOutside(int vocabSize)
    {
        if (vocabSize > ushort.MaxValue) return -1;
        if (vocabSize <= 0) return 0;
        const int block = 1 << 16;
        var limit = new Vector<ushort>((ushort)(vocabSize - 1));
        for (long start = 0; start < Count; start += block)
        {
            ReadOnlySpan<ushort> window = Window(start, (int)Math.Min(block, Count - start));
            var highest = Vector<ushort>.Zero;
            int i = 0;
            for (; i <= window.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
                highest = Vector.Max(highest, new Vector<ushort>(window[i..]));
            if (Vector.GreaterThanAny(highest, limit)) i = 0; // it is in this block: find where
            for (; i < window.Length; i++)
                if (window[i] >= vocabSize) return start + i;
        }
        return -1;
    }

    ReadOnlySpan<ushort> Window(long offset, int count)
    {
        ObjectDisposedException.ThrowIf(tokens == null, this);
        if (offset < 0 || offset > Count - count)
            throw new ArgumentOutOfRangeException(nameof(offset), $"Tokens {offset} to {offset + count} reach beyond the {Count} tokens of '{Path}'.");
        return new ReadOnlySpan<ushort>(tokens + offset, count);
    }
}
