using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Bf16;

/// <summary>
/// Operands rounded to bf16 (nearest, ties to even) while they are packed; a step is a pair of elements of k, side by side
/// in one 4-byte word. Sums are fp32. For processors with AVX512_BF16.
/// </summary>
internal readonly unsafe struct Bf16Format : IFormat<Simd512>
{
    const int Lanes = 16;

    public static int Pairing => 2;

    public static bool ReadsInPlace(MatrixView a, int panels) => false;

    public static void Tile(int vectors, int steps, float* a, long rs, long cs, float* b, float* start, long startStride, float* c, long cStride) =>
        Bf16Kernel.Run(vectors, steps, a, rs, cs, b, start, startStride, c, cStride);

    public static double Peak(int rounds) => Bf16Kernel.Peak(rounds);

    public static void PackB(MatrixView b, int step0, int steps, int column, int valid, int width, float* destination)
    {
        float* source = b.At(2L * step0, column);
        int depth = Math.Min(2 * steps, b.Rows - 2 * step0);
        if (b.ColumnStride == 1)
        {
            PairRows(source, b.RowStride, depth, valid, width, destination);
        }
        else
        {
            // Rows of pairs first, then a transpose: pairs lie along k, which is contiguous here.
            float* square = stackalloc float[Lanes * Lanes];
            for (int j = 0; j < width; j += Lanes)
                for (int s = 0; s < steps; s += Lanes)
                {
                    for (int r = 0; r < Lanes; r++)
                        PairWithin(source + (j + r) * b.ColumnStride + 2L * s, b.RowStride, j + r < valid ? Math.Min(2 * Lanes, depth - 2 * s) : 0, square + r * Lanes);
                    int count = Math.Min(Lanes, steps - s);
                    if (count == Lanes) Simd512.Transpose(square, Lanes, destination + (long)s * width + j, width);
                    else
                        for (int k = 0; k < count; k++)
                            for (int r = 0; r < Lanes; r++) destination[(long)(s + k) * width + j + r] = square[r * Lanes + k];
                }
        }
    }

    public static MatrixView PackA(MatrixView a, int row0, int row1, int step0, int steps, float* destination)
    {
        int rows = row1 - row0, rowsUp = (rows + Simd512.TileRows - 1) / Simd512.TileRows * Simd512.TileRows;
        int depth = Math.Min(2 * steps, a.Columns - 2 * step0);
        float* source = a.At(row0, 2L * step0);
        if (a.ColumnStride != 1)
        {
            int width = (rowsUp + Lanes - 1) / Lanes * Lanes;
            PairRows(source, a.ColumnStride, depth, rows, width, destination);
            return new MatrixView(destination, rowsUp, steps, 1, width);
        }
        // Rows keep their order; a stride that is no multiple of 4 KB keeps the rows of a tile out of each other's cache sets.
        int stride = (steps + Lanes - 1) / Lanes * Lanes + Lanes;
        for (int r = 0; r < rowsUp; r++)
            for (int s = 0; s < steps; s += Lanes)
                PairWithin(source + r * a.RowStride + 2L * s, 1, r < rows ? Math.Min(2 * Lanes, depth - 2 * s) : 0, destination + (long)r * stride + s);
        return new MatrixView(destination, rowsUp, steps, stride, 1);
    }

    /// <summary>Words of (row k, row k + 1) for each column; an odd last row is paired with zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void PairRows(float* source, long rowStride, int depth, int valid, int width, float* destination)
    {
        for (int k = 0; k < depth; k += 2, source += 2 * rowStride, destination += width)
        {
            if (k + Prefetch.Rows < depth)
            {
                Prefetch.Row(source + Prefetch.Rows * rowStride, valid);
                Prefetch.Row(source + (Prefetch.Rows + 1) * rowStride, valid);
            }
            bool two = k + 1 < depth;
            int j = 0;
            for (; j + Lanes <= valid; j += Lanes)
            {
                var low = Round(Vector512.Load(source + j).AsUInt32()) >>> 16;
                var high = two ? Round(Vector512.Load(source + rowStride + j).AsUInt32()) & Vector512.Create(0xFFFF0000u) : Vector512<uint>.Zero;
                (low | high).AsSingle().Store(destination + j);
            }
            for (; j < width; j++)
                destination[j] = j < valid ? BitConverter.UInt32BitsToSingle(Round(source[j]) >> 16 | (two ? Round(source[rowStride + j]) & 0xFFFF0000u : 0)) : 0;
        }
    }

    /// <summary>Sixteen words of (k, k + 1) along one row of which <paramref name="count"/> elements exist, the rest zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void PairWithin(float* source, long stride, int count, float* destination)
    {
        if (count == 2 * Lanes && stride == 1)
        {
            // Each half keeps the upper 16 bits of its lanes, side by side.
            var first = Avx512F.ConvertToVector256UInt16(Round(Vector512.Load(source).AsUInt32()) >>> 16);
            var second = Avx512F.ConvertToVector256UInt16(Round(Vector512.Load(source + Lanes).AsUInt32()) >>> 16);
            Vector512.Create(first, second).AsSingle().Store(destination);
            return;
        }
        for (int s = 0; s < Lanes; s++)
        {
            uint low = 2 * s < count ? Round(source[2 * s * stride]) >> 16 : 0, high = 2 * s + 1 < count ? Round(source[(2 * s + 1) * stride]) & 0xFFFF0000u : 0;
            destination[s] = BitConverter.UInt32BitsToSingle(low | high);
        }
    }

    /// <summary>Rounds to the nearest bf16, ties to even, in the upper 16 bits; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<uint> Round(Vector512<uint> x)
    {
        var rounded = x + Vector512.Create(0x7FFFu) + (x >>> 16 & Vector512<uint>.One);
        return Vector512.ConditionalSelect(Vector512.IsNaN(x.AsSingle()).AsUInt32(), x | Vector512.Create(0x400000u), rounded);
    }

    static uint Round(float value)
    {
        uint x = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? x | 0x400000 : x + 0x7FFF + (x >> 16 & 1);
    }
}
