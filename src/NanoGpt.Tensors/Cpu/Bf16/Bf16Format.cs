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

    public static int TileRows => Simd512.TileRows;

    public static bool AsksAhead => true;

    public static bool ReadsInPlace(MatrixView a, int panels) => false;

    public static void Tiles(int count, int columns, int steps, LeftTiles a, float* b, float* start, long startStride, float* c, long cStride, Ahead ahead) =>
        Bf16Kernel.Tiles!.Run(count, columns, steps, a, b, start, startStride, c, cStride, ahead);

    public static double Peak(int rounds) => Bf16Kernel.Peak(rounds);

    public static void PackB(MatrixView b, int step0, int steps, int column, ReadOnlySpan<int> widths, float* block, int within, int blockSteps)
    {
        foreach (int width in widths)
        {
            PackPanel(b, step0, steps, column, Math.Min(width, b.Columns - column), width, block + (long)width * within);
            column += width;
            block += (long)width * blockSteps;
        }
    }

    static void PackPanel(MatrixView b, int step0, int steps, int column, int valid, int width, float* destination)
    {
        float* source = b.At(2L * step0, column);
        int depth = Math.Min(2 * steps, b.Rows - 2 * step0);
        if (b.ColumnStride == 1)
        {
            PackAcross(source, b.RowStride, depth, valid, width, destination);
        }
        else if (b.RowStride == 1)
        {
            // Rows of pairs first, then a transpose: pairs lie along k, which is contiguous here.
            float* square = stackalloc float[2 * Lanes * Lanes], turned = square + Lanes * Lanes;
            for (int j = 0; j < width; j += Lanes)
            {
                int rows = Math.Clamp(valid - j, 0, Lanes);
                new Span<float>(square + rows * Lanes, (Lanes - rows) * Lanes).Clear();
                for (int s = 0; s < steps; s += Lanes)
                {
                    Bf16Packer.AlongRows(source + j * b.ColumnStride + 2L * s, b.ColumnStride, rows, Math.Min(2 * Lanes, depth - 2 * s), square, Lanes);
                    float* target = destination + (long)s * width + j;
                    if (s + Lanes <= steps)
                    {
                        Simd512.Transpose(square, Lanes, target, width);
                        continue;
                    }
                    Simd512.Transpose(square, Lanes, turned, Lanes);
                    for (int k = 0; k < steps - s; k++) Simd512.Store(Simd512.Load(turned + k * Lanes), target + (long)k * width);
                }
            }
        }
        else
        {
            for (int s = 0; s < steps; s++)
                for (int j = 0; j < width; j++)
                    destination[(long)s * width + j] = j < valid ? Pair(source + 2L * s * b.RowStride + j * b.ColumnStride, b.RowStride, 2 * s + 1 < depth) : 0;
        }
    }

    public static LeftTiles PackA(MatrixView a, int row0, int row1, int step0, int steps, float* destination)
    {
        if (a.RowStride != 1 || a.ColumnStride == 1) return PackRows(a, row0, row1, step0, steps, TileRows, destination);
        int rows = row1 - row0, rowsUp = (rows + TileRows - 1) / TileRows * TileRows, width = (rowsUp + Lanes - 1) / Lanes * Lanes;
        PackAcross(a.At(row0, 2L * step0), a.ColumnStride, Math.Min(2 * steps, a.Columns - 2 * step0), rows, width, destination);
        return new LeftTiles(destination, rowsUp, 1, width, TileRows);
    }

    /// <summary>Packs a block of A whose rows keep their order; rows up to a whole number of tiles are zero.</summary>
    public static LeftTiles PackRows(MatrixView a, int row0, int row1, int step0, int steps, int tileRows, float* destination)
    {
        int rows = row1 - row0, rowsUp = (rows + tileRows - 1) / tileRows * tileRows;
        long stride = LeftTiles.OddLines(steps);
        int depth = Math.Min(2 * steps, a.Columns - 2 * step0);
        float* source = a.At(row0, 2L * step0);
        if (a.ColumnStride == 1)
        {
            Bf16Packer.AlongRows(source, a.RowStride, rows, depth, destination, stride);
        }
        else
        {
            for (int r = 0; r < rows; r++)
                for (int s = 0; s < steps; s++)
                    destination[r * stride + s] = Pair(source + r * a.RowStride + 2L * s * a.ColumnStride, a.ColumnStride, 2 * s + 1 < depth);
        }
        new Span<float>(destination + rows * stride, (rowsUp - rows) * (int)stride).Clear();
        return new LeftTiles(new MatrixView(destination, rowsUp, steps, stride, 1), tileRows);
    }

    /// <summary>Words of (row k, row k + 1) for each column; an odd last row is paired with zeros.</summary>
    public static void PackAcross(float* source, long rowStride, int depth, int valid, int width, float* destination)
    {
        int pairs = depth / 2;
        Bf16Packer.AcrossRows(source, rowStride, pairs, valid, destination, width);
        int written = (valid + Lanes - 1) / Lanes * Lanes;
        for (int k = 0; k < pairs && written < width; k++) new Span<float>(destination + (long)k * width + written, width - written).Clear();
        if (depth % 2 == 0) return;
        float* last = source + 2L * pairs * rowStride;
        for (int j = 0; j < width; j++) destination[(long)pairs * width + j] = j < valid ? Pair(last + j, 0, two: false) : 0;
    }

    /// <summary>The word of an element and, if there are <paramref name="two"/>, the one a stride further on.</summary>
    public static float Pair(float* first, long stride, bool two) =>
        BitConverter.UInt32BitsToSingle(Round(*first) >> 16 | (two ? Round(first[stride]) : 0));

    /// <summary>The bits of the nearest bf16, in the upper half.</summary>
    public static uint Round(float value) => BitConverter.SingleToUInt32Bits(SimdScalar.Sum(SimdScalar.RoundToBFloat16(SimdScalar.Create(value))));
}
