using System.Buffers.Binary;
using System.Text;

namespace NanoGpt.Models;

/// <summary>Reads the head of a GGUF file from front to back. Whatever the file says of lengths, no more is kept in memory than a piece of it.</summary>
internal sealed class GgufCursor(FileBytes file)
{
    /// <summary>The longest text that is kept.</summary>
    public const int LongestText = 1 << 16;

    readonly byte[] buffer = new byte[LongestText];
    long start;         // of what the buffer holds
    int held;

    /// <summary>Where the next byte is.</summary>
    public long Position { get; private set; }

    /// <summary>The bytes from here to the end of the file.</summary>
    public long Remaining => file.Length - Position;

    public byte Byte() => Take(1)[0];

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>A number of things that each take at least so many bytes: no more than the file has room for.</summary>
    public long Count(int bytesOfEach)
    {
        ulong count = UInt64();
        return count <= (ulong)(Remaining / bytesOfEach) ? (long)count : throw new FormatException($"it announces {count} entries at byte {Position - 8}, more than it has room for");
    }

    /// <summary>A name: a text of at most <see cref="LongestText"/> bytes that can be shown.</summary>
    public string Name()
    {
        long at = Position, length = Count(1);
        if (length > LongestText) throw new FormatException($"it has a name of {length} bytes at byte {at}");
        string name = Encoding.UTF8.GetString(Take((int)length));
        return name.Any(char.IsControl) ? throw new FormatException($"it has a garbled name at byte {at}") : name;
    }

    /// <summary>The next bytes; valid until the next call.</summary>
    public ReadOnlySpan<byte> Take(int count)
    {
        if (count > Remaining) throw new FormatException($"it ends at byte {file.Length}, within its header");
        if (Position < start || Position + count > start + held)
        {
            start = Position;
            held = (int)Math.Min(buffer.Length, Remaining);
            file.ReadExactly(buffer.AsSpan(0, held), start);
        }
        Position += count;
        return buffer.AsSpan((int)(Position - count - start), count);
    }

    public void Skip(long count)
    {
        if (count > Remaining) throw new FormatException($"it ends at byte {file.Length}, within its header");
        Position += count;
    }
}
