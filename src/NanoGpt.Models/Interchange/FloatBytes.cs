using System.Runtime.InteropServices;

namespace NanoGpt.Models;

/// <summary>Elements of floating point, little-endian, one after another in a file, read as floats.</summary>
/// <param name="File">The file.</param>
/// <param name="Dtype">The type of an element.</param>
/// <param name="Offset">Where the first is.</param>
/// <param name="Count">How many there are.</param>
internal readonly record struct FloatBytes(FileBytes File, SafetensorsDtype Dtype, long Offset, long Count)
{
    const int PieceBytes = 1 << 18;

    /// <summary>Whether elements of a type can be read as floats.</summary>
    public static bool IsFloat(SafetensorsDtype dtype) =>
        dtype is SafetensorsDtype.F32 or SafetensorsDtype.F64 or SafetensorsDtype.F16 or SafetensorsDtype.BF16;

    /// <summary>Reads elements from <paramref name="start"/> on.</summary>
    /// <exception cref="InvalidDataException">The file was cut short meanwhile.</exception>
    public void Read(Span<float> destination, long start)
    {
        if (start < 0 || destination.Length > Count - start)
            throw new ArgumentException($"{File.Path}: there are {Count} elements; cannot read {destination.Length} from {start}.");
        int size = Dtype.Size();
        long at = Offset + start * size;
        byte[]? buffer = Dtype == SafetensorsDtype.F32 ? null : new byte[Math.Min(PieceBytes, destination.Length * (long)size)];
        while (!destination.IsEmpty)
        {
            var piece = destination[..Math.Min(destination.Length, PieceBytes / size)];
            var bytes = buffer is null ? MemoryMarshal.AsBytes(piece) : buffer.AsSpan(0, piece.Length * size);
            File.ReadExactly(bytes, at);
            if (buffer is not null)
                Widen(Dtype, bytes, piece);
            at += bytes.Length;
            destination = destination[piece.Length..];
        }
    }

    static void Widen(SafetensorsDtype dtype, ReadOnlySpan<byte> bytes, Span<float> floats)
    {
        switch (dtype)
        {
            case SafetensorsDtype.F64:
                var doubles = MemoryMarshal.Cast<byte, double>(bytes);
                for (int i = 0; i < floats.Length; i++)
                    floats[i] = (float)doubles[i];
                break;
            case SafetensorsDtype.F16:
                var halves = MemoryMarshal.Cast<byte, Half>(bytes);
                for (int i = 0; i < floats.Length; i++)
                    floats[i] = (float)halves[i];
                break;
            case SafetensorsDtype.BF16:
                var upper = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (int i = 0; i < floats.Length; i++)
                    floats[i] = BitConverter.UInt32BitsToSingle((uint)upper[i] << 16);
                break;
        }
    }
}
