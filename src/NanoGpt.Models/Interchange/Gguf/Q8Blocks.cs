using System.Buffers.Binary;

namespace NanoGpt.Models;

/// <summary>
/// llama.cpp's Q8_0: 32 values next to each other in a row share a scale. A block is the scale in binary16, d = max|x| / 127, then
/// 32 signed bytes q = round(x / d); the value read is d · q, at most half a scale off, and what the scale loses in binary16.
/// </summary>
internal static class Q8Blocks
{
    /// <summary>Values of a block.</summary>
    public const int Length = 32;

    /// <summary>Bytes of a block.</summary>
    public const int Bytes = 2 + Length;

    const int PieceBlocks = 1 << 12;

    /// <summary>Writes whole blocks.</summary>
    public static void Quantize(ReadOnlySpan<float> values, Span<byte> blocks)
    {
        for (; !values.IsEmpty; values = values[Length..], blocks = blocks[Bytes..])
        {
            float greatest = 0;
            foreach (float value in values[..Length]) greatest = MathF.Max(greatest, MathF.Abs(value));
            float scale = greatest / 127, inverse = scale == 0 ? 0 : 1 / scale;
            BinaryPrimitives.WriteHalfLittleEndian(blocks, (Half)scale);
            for (int i = 0; i < Length; i++) blocks[2 + i] = (byte)(sbyte)MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero);
        }
    }

    /// <summary>Reads values from <paramref name="start"/> on, of blocks that lie at <paramref name="offset"/> of a file.</summary>
    public static void Read(FileBytes file, long offset, Span<float> destination, long start)
    {
        byte[] buffer = new byte[(int)Math.Min(PieceBlocks, destination.Length / Length + 2L) * Bytes];
        while (!destination.IsEmpty)
        {
            int skipped = (int)(start % Length);
            int count = Math.Min(destination.Length, buffer.Length / Bytes * Length - skipped);
            var blocks = buffer.AsSpan(0, (skipped + count + Length - 1) / Length * Bytes);
            file.ReadExactly(blocks, offset + start / Length * Bytes);
            for (int i = 0; i < count; i++)
            {
                var block = blocks.Slice((skipped + i) / Length * Bytes, Bytes);
                destination[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(block) * (sbyte)block[2 + (skipped + i) % Length];
            }
            destination = destination[count..];
            start += count;
        }
    }
}
