using System.Numerics;
using System.Security.Cryptography;

namespace NanoGpt.Data;

/// <summary>What there is to say of a token file after reading all of it.</summary>
/// <param name="Path">The file.</param>
/// <param name="Format">Its format.</param>
/// <param name="Type">What its tokens are stored as.</param>
/// <param name="Count">The number of tokens.</param>
/// <param name="Bytes">The length of the file.</param>
/// <param name="Smallest">The smallest token.</param>
/// <param name="Largest">The largest token.</param>
/// <param name="Documents">How often the end-of-text token is in it, or null where the vocabulary has none.</param>
/// <param name="Sha256">The SHA-256 of the file, in hexadecimal.</param>
public sealed record ShardReport(string Path, ShardFormat Format, TokenType Type, long Count, long Bytes, int Smallest, int Largest, long? Documents, string Sha256)
{
    /// <summary>Reads a file from end to end.</summary>
    /// <param name="path">The file.</param>
    /// <param name="endOfText">The token between documents, or null.</param>
    /// <param name="progress">Hears how many more bytes are done; a file has twice its length of them, once for the tokens and once for the hash.</param>
    /// <param name="stop">Stops it.</param>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is not a token file; the message says why.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static ShardReport Of(string path, int? endOfText, Action<long> progress, CancellationToken stop)
    {
        using var shard = TokenShard.Open(path);
        int smallest = int.MaxValue, largest = 0;
        long documents = 0, bytes = new FileInfo(path).Length;
        var window = new int[1 << 16];
        for (long start = 0; start < shard.Count; start += window.Length)
        {
            stop.ThrowIfCancellationRequested();
            Span<int> block = window.AsSpan(0, (int)Math.Min(window.Length, shard.Count - start));
            shard.Read(start, block);
            Range(block, ref smallest, ref largest);
            if (endOfText is { } token) documents += block.Count(token);
            progress((long)block.Length * shard.Type.Size());
        }
        return new(path, shard.Format, shard.Type, shard.Count, bytes, smallest, largest, endOfText is null ? null : documents, Hash(path, progress, stop));
    }

    static void Range(ReadOnlySpan<int> tokens, ref int smallest, ref int largest)
    {
        var (low, high) = (new Vector<int>(smallest), new Vector<int>(largest));
        int i = 0;
        for (; i <= tokens.Length - Vector<int>.Count; i += Vector<int>.Count)
        {
            var vector = new Vector<int>(tokens[i..]);
            (low, high) = (Vector.Min(low, vector), Vector.Max(high, vector));
        }
        for (int lane = 0; lane < Vector<int>.Count; lane++) (smallest, largest) = (Math.Min(smallest, low[lane]), Math.Max(largest, high[lane]));
        foreach (int token in tokens[i..]) (smallest, largest) = (Math.Min(smallest, token), Math.Max(largest, token));
    }

    static string Hash(string path, Action<long> progress, CancellationToken stop)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 18];
        while (file.Read(buffer) is > 0 and var count)
        {
            stop.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, count);
            progress(count);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
