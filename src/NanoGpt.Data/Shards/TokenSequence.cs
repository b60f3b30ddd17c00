using System.Security.Cryptography;
using System.Text;

namespace NanoGpt.Data;

/// <summary>
/// The tokens of one split: shards, one after the other. A window of T inputs and their T targets never crosses from one
/// shard into the next, as in llm.c.
/// </summary>
public sealed class TokenSequence : IDisposable
{
    readonly TokenShard[] shards;

    TokenSequence(TokenShard[] shards)
    {
        this.shards = shards;
        Count = shards.Sum(shard => shard.Count);
    }

    /// <summary>Opens the shards in the order of the list. Only headers are read.</summary>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">A file is not a shard; the message names it.</exception>
    public static TokenSequence Open(IReadOnlyList<string> paths)
    {
        var opened = new List<TokenShard>();
        try
        {
            foreach (string path in paths) opened.Add(TokenShard.Open(path));
            return new TokenSequence([.. opened]);
        }
        catch
        {
            foreach (TokenShard shard in opened) shard.Dispose();
            throw;
        }
    }

    /// <summary>The files.</summary>
    public IReadOnlyList<TokenShard> Shards => shards;

    /// <summary>The files in a word, for messages: the first, and how many others.</summary>
    public string Name => shards.Length == 1 ? shards[0].Path : $"{shards[0].Path} and {shards.Length - 1} more";

    /// <summary>The number of tokens in all of them.</summary>
    public long Count { get; }

    /// <summary>The size of the vocabulary that every window is checked against as it is read.</summary>
    public int VocabSize { get; set; } = int.MaxValue;

    /// <summary>Copies tokens from <paramref name="offset"/> on, from shard to shard, as many as the destination takes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They reach beyond the last shard.</exception>
    /// <exception cref="InvalidDataException">A token is outside the vocabulary.</exception>
    public void Read(long offset, Span<int> destination)
    {
        if (offset < 0 || offset > Count - destination.Length)
            throw new ArgumentOutOfRangeException(nameof(offset), $"Tokens {offset} to {offset + destination.Length} reach beyond the {Count} tokens of '{shards[0].Path}'.");
        foreach (TokenShard shard in shards)
        {
            if (offset < shard.Count && !destination.IsEmpty)
            {
                int count = (int)Math.Min(destination.Length, shard.Count - offset);
                Read(shard, offset, destination[..count]);
                destination = destination[count..];
                offset += count;
            }
            offset -= shard.Count;
        }
    }

    /// <summary>In how many places a window of T inputs and its last target can start.</summary>
    public long Windows(int blockSize) => shards.Sum(shard => Math.Max(0, shard.Count - blockSize));

    /// <summary>Where window <paramref name="index"/> of <see cref="Windows"/> starts.</summary>
    internal (int Shard, long Offset) Window(long index, int blockSize)
    {
        int shard = 0;
        for (; index >= Math.Max(0, shards[shard].Count - blockSize); shard++) index -= Math.Max(0, shards[shard].Count - blockSize);
        return (shard, index);
    }

    /// <summary>Reads a window: inputs <paramref name="x"/> (T) and targets <paramref name="y"/> (T), one token later.</summary>
    /// <exception cref="InvalidDataException">A token is outside the vocabulary.</exception>
    internal void ReadWindow((int Shard, long Offset) window, Span<int> x, Span<int> y)
    {
        TokenShard shard = shards[window.Shard];
        Read(shard, window.Offset, x);
        x[1..].CopyTo(y);
        Read(shard, window.Offset + x.Length, y[^1..]);
    }

    /// <summary>Checks every token against a vocabulary: one pass over all files.</summary>
    /// <exception cref="InvalidDataException">A token is outside; the message names the file, the position and the token.</exception>
    public void Validate(int vocabSize)
    {
        foreach (TokenShard shard in shards) shard.Validate(vocabSize);
    }

    /// <summary>
    /// A SHA-256 of names, counts and 64 KB of each shard, spread evenly over it: it changes when a file is replaced, and a terabyte takes
    /// no longer than a book.
    /// </summary>
    public string Fingerprint()
    {
        const int pieces = 16, piece = 1024;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var tokens = new int[piece];
        foreach (TokenShard shard in shards)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{Path.GetFileName(shard.Path)} {shard.Count}\n"));
            Span<int> window = tokens.AsSpan(0, (int)Math.Min(piece, shard.Count));
            for (int i = 0; i < pieces; i++)
            {
                shard.Read((long)((Int128)(shard.Count - window.Length) * i / (pieces - 1)), window);
                hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(window));
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (TokenShard shard in shards) shard.Dispose();
    }

    void Read(TokenShard shard, long offset, Span<int> destination)
    {
        shard.Read(offset, destination);
        if (VocabSize < int.MaxValue) shard.Validate(destination, offset, VocabSize);
    }
}
