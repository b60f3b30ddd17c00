using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace NanoGpt.Data;

/// <summary>
/// Writes a file of tokens in any of the formats. The file takes its name in <see cref="Publish"/>; until then, and after
/// a failure, there is none. A header is written last, when the count is known.
/// </summary>
public sealed class TokenShardWriter : IDisposable
{
    readonly AtomicFile file;
    readonly ShardFormat format;
    readonly TokenType type;
    readonly byte[] buffer = new byte[1 << 16];

    /// <summary>Starts a shard.</summary>
    /// <param name="path">Its final name, in a directory that exists.</param>
    /// <param name="format">Its format.</param>
    /// <param name="type">What a token is stored as; a <c>.bin</c> holds <see cref="TokenType.UInt16"/> only.</param>
    /// <exception cref="ArgumentException">The format cannot hold the type.</exception>
    /// <exception cref="IOException">The file cannot be created.</exception>
    public TokenShardWriter(string path, ShardFormat format = ShardFormat.NanoGpt, TokenType type = TokenType.UInt16)
    {
        if (format != ShardFormat.Npy && type != TokenType.UInt16)
            throw new ArgumentException($"A .bin file holds uint16 tokens, not {type}; write a .npy file.");
        (this.format, this.type) = (format, type);
        file = new AtomicFile(path);
        file.Stream.Write(Header());
    }

    /// <summary>The number of tokens written.</summary>
    public long Count { get; private set; }

    /// <summary>The SHA-256 of the file, in hexadecimal; there is none before <see cref="Complete"/>.</summary>
    public string Sha256 { get => field ?? throw new InvalidOperationException("The file is not complete yet."); private set; }

    /// <summary>Appends tokens.</summary>
    /// <exception cref="ArgumentException">A token is negative or does not fit the type.</exception>
    public void Write(ReadOnlySpan<int> tokens)
    {
        int atOnce = buffer.Length / type.Size();
        while (!tokens.IsEmpty)
        {
            ReadOnlySpan<int> piece = tokens[..Math.Min(tokens.Length, atOnce)];
            file.Stream.Write(buffer.AsSpan(0, Store(piece)));
            Count += piece.Length;
            tokens = tokens[piece.Length..];
        }
    }

    /// <summary>Writes the header, forms the hash and puts everything on the disk, so that <see cref="Publish"/> is only a rename.</summary>
    public void Complete()
    {
        file.Stream.Position = 0;
        file.Stream.Write(Header());
        file.Stream.Position = 0;
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(file.Stream));
        file.Complete();
    }

    /// <summary>Gives the file its name, in place of any older one.</summary>
    public void Publish()
    {
        if (file.Stream.CanWrite) Complete();
        file.Publish();
    }

    /// <summary>Closes the file, and removes it if it was not published.</summary>
    public void Dispose() => file.Dispose();

    byte[] Header() => format switch
    {
        ShardFormat.LlmC => LlmCHeader.Write(Count),
        ShardFormat.Npy => NpyHeader.Write(type, Count),
        _ => [],
    };

    /// <summary>Puts tokens into the buffer as the type has them; returns the number of bytes.</summary>
    int Store(ReadOnlySpan<int> tokens)
    {
        int largest = type == TokenType.UInt16 ? ushort.MaxValue : int.MaxValue;
        foreach (int token in tokens)
            if (token < 0 || token > largest) throw new ArgumentException($"Token {token} does not fit into the {8 * type.Size()} bits of a token file.");
        if (type == TokenType.UInt16)
        {
            Span<ushort> narrow = MemoryMarshal.Cast<byte, ushort>(buffer.AsSpan());
            for (int i = 0; i < tokens.Length; i++) narrow[i] = (ushort)tokens[i];
        }
        else if (type == TokenType.Int64)
        {
            Span<long> wide = MemoryMarshal.Cast<byte, long>(buffer.AsSpan());
            for (int i = 0; i < tokens.Length; i++) wide[i] = tokens[i];
        }
        else MemoryMarshal.AsBytes(tokens).CopyTo(buffer);
        return tokens.Length * type.Size();
    }
}
