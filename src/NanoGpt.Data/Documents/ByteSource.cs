using System.IO.Compression;

namespace NanoGpt.Data;

/// <summary>The bytes of a file, unpacked where its name ends in <c>.gz</c>, and how far in the file they are.</summary>
internal sealed class ByteSource : IDisposable
{
    readonly string path;
    readonly FileStream file;
    readonly Stream stream;

    public ByteSource(string path)
    {
        this.path = path;
        file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        stream = IsGzip(path) ? new GZipStream(new BufferedStream(file, 1 << 18), CompressionMode.Decompress) : file;
    }

    public static bool IsGzip(string path) => path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);

    /// <summary>How far it is in the file.</summary>
    public long Position => file.Position;

    /// <summary>The length of a file's bytes, unpacked.</summary>
    public static long LengthOf(string path)
    {
        if (!IsGzip(path)) return new FileInfo(path).Length;
        using var source = new ByteSource(path);
        var buffer = new byte[1 << 16];
        long length = 0;
        for (int count; (count = source.Fill(buffer)) > 0;) length += count;
        return length;
    }

    /// <summary>Fills a span, but for the end.</summary>
    /// <returns>How many bytes there were; fewer than asked only at the end.</returns>
    /// <exception cref="InvalidDataException">The packed file is damaged or cut off.</exception>
    public int Fill(Span<byte> destination)
    {
        try
        {
            return stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false);
        }
        catch (Exception e) when (stream != file && e is InvalidDataException or EndOfStreamException)
        {
            throw new InvalidDataException($"'{path}' is damaged or cut off ({e.Message.TrimEnd('.')}); fetch it again.", e);
        }
    }

    public void Dispose()
    {
        stream.Dispose();
        file.Dispose();
    }
}
