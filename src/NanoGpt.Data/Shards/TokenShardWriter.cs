using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace NanoGpt.Data;

/// <summary>
/// Writes tokens in nanoGPT's format: <c>uint16</c>, little-endian, no header. The file takes its name in
/// <see cref="Publish"/>; until then, and after a failure, there is none.
/// </summary>
public sealed class TokenShardWriter : IDisposable
{
    readonly AtomicFile file;
    readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    readonly ushort[] narrow = new ushort[1 << 15];

    /// <summary>Starts a shard.</summary>
    /// <param name="path">Its final name, in a directory that exists.</param>
    /// <exception cref="IOException">The file cannot be created.</exception>
    public TokenShardWriter(string path) => file = new AtomicFile(path);

    /// <summary>The number of tokens written.</summary>
    public long Count { get; private set; }

    /// <summary>The SHA-256 of the bytes written so far, in hexadecimal.</summary>
    public string Sha256 => Convert.ToHexStringLower(hash.GetCurrentHash());

    /// <summary>Appends tokens.</summary>
    /// <exception cref="ArgumentException">A token does not fit into 16 bits.</exception>
    public void Write(ReadOnlySpan<int> tokens)
    {
        while (!tokens.IsEmpty)
        {
            int count = Math.Min(tokens.Length, narrow.Length);
            for (int i = 0; i < count; i++)
            {
                if ((uint)tokens[i] > ushort.MaxValue)
                    throw new ArgumentException($"Token {tokens[i]} does not fit into the 16 bits of a token file.");
                narrow[i] = (ushort)tokens[i];
            }
            ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(narrow.AsSpan(0, count));
            file.Stream.Write(bytes);
            hash.AppendData(bytes);
            Count += count;
            tokens = tokens[count..];
        }
    }

    /// <summary>Puts what was written on the disk, so that <see cref="Publish"/> is only a rename.</summary>
    public void Complete() => file.Complete();

    /// <summary>Gives the file its name, in place of any older one.</summary>
    public void Publish() => file.Publish();

    /// <summary>Closes the file, and removes it if it was not published.</summary>
    public void Dispose()
    {
        file.Dispose();
        hash.Dispose();
    }
}
