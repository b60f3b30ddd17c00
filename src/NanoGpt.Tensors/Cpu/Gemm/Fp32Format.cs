using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>Operands as they are, fp32; a step is one element of k.</summary>
internal readonly unsafe struct Fp32Format<V> : IFormat<V> where V : unmanaged, ISimd<V>
{
    public static int Pairing => 1;

    public static int TileRows => V.TileRows;

    public static bool AsksAhead => MicroKernel<V>.Assembled != null;

    /// <summary>Rows are read in place. Reading columns touches a new page for every k: worth a copy when several panels will read it.</summary>
    public static bool ReadsInPlace(MatrixView a, int panels) => a.ColumnStride == 1 || panels < 3;

    public static void Tiles(int count, int columns, int steps, LeftTiles a, float* b, float* start, long startStride, float* c, long cStride, Ahead ahead) =>
        MicroKernel<V>.Run(count, columns, steps, a, b, start, startStride, c, cStride, ahead);

    public static void PackB(MatrixView b, int step0, int steps, int column, ReadOnlySpan<int> widths, float* block, int within, int blockSteps)
    {
        if (b.ColumnStride == 1 && widths.Length > 1)
        {
            CopyRows(b.At(step0, column), b.RowStride, steps, b.Columns - column, widths, block, within, blockSteps);
            return;
        }
        foreach (int width in widths)
        {
            int valid = Math.Min(width, b.Columns - column);
            float* destination = block + (long)width * within;
            if (b.ColumnStride == 1) CopyRows(b.At(step0, column), b.RowStride, steps, valid, width, destination);
            else CopyColumns(b.At(step0, column), b.RowStride, b.ColumnStride, steps, valid, width, destination);
            column += width;
            block += (long)width * blockSteps;
        }
    }

    /// <summary>Tile after tile, each with its rows side by side: the micro-kernel then reads it from end to end.</summary>
    public static LeftTiles PackA(MatrixView a, int row0, int row1, int step0, int steps, float* destination)
    {
        int rows = row1 - row0, rowsUp = (rows + V.TileRows - 1) / V.TileRows * V.TileRows;
        long stride = LeftTiles.OddLines((long)steps * V.TileRows);
        CopyTiles(a.At(row0, step0), a.RowStride, a.ColumnStride, rows, steps, destination, stride);
        return new LeftTiles(destination, rowsUp, 1, V.TileRows, stride);
    }

    /// <summary>Twelve independent accumulators: enough to keep two pipes of latency 4 to 6 busy.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Peak(int rounds)
    {
        V m = V.Create(0.5f), d = V.Create(1f);
        V a = d, b = d, c = d, e = d, f = d, g = d, h = d, i = d, j = d, k = d, l = d, n = d;
        for (int r = 0; r < rounds; r++)
        {
            a = V.Fma(a, m, d); b = V.Fma(b, m, d); c = V.Fma(c, m, d); e = V.Fma(e, m, d);
            f = V.Fma(f, m, d); g = V.Fma(g, m, d); h = V.Fma(h, m, d); i = V.Fma(i, m, d);
            j = V.Fma(j, m, d); k = V.Fma(k, m, d); l = V.Fma(l, m, d); n = V.Fma(n, m, d);
        }
        float sum = V.Sum(a + b + c + e + (f + g + h + i) + (j + k + l + n));
        return sum > 0 ? 2.0 * 12 * V.Count * rounds : 0;       // always the former, but the compiler must not know
    }

    /// <summary>For each k the rows of A, mostly side by side, a tile's to a tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void CopyTiles(float* source, long rowStride, long columnStride, int rows, int depth, float* destination, long tileStride)
    {
        int whole = rowStride == 1 ? rows / V.TileRows : 0;
        for (int k = 0; k < depth; k++, source += columnStride, destination += V.TileRows)
        {
            if (whole > 0 && k + Prefetch.Rows < depth) Prefetch.Row(source + Prefetch.Rows * columnStride, rows);
            float* s = source, d = destination;
            for (int t = 0; t < whole; t++, s += V.TileRows, d += tileStride)
            {
                if (V.TileRows == 8) Vector256.Store(Vector256.Load(s), d);
                else Vector128.Store(Vector128.Load(s), d);
            }
            for (int row = whole * V.TileRows; row < rows; d += tileStride)
                for (int i = 0; i < V.TileRows; i++, row++) d[i] = row < rows ? source[row * rowStride] : 0;
        }
    }

    /// <summary>Row k is contiguous: copy it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void CopyRows(float* source, long rowStride, int depth, int valid, int width, float* destination)
    {
        for (int k = 0; k < depth; k++, source += rowStride, destination += width)
        {
            int j = 0;
            if (k + Prefetch.Rows < depth) Prefetch.Row(source + Prefetch.Rows * rowStride, valid);
            for (; j + V.Count <= valid; j += V.Count) V.Store(V.Load(source + j), destination + j);
            for (; j < width; j += V.Count) V.Store(V.LoadPartial(source + j, valid - j), destination + j);     // the width is whole vectors
        }
    }

    /// <summary>The same for several panels, a row from end to end: in so long a run the processor looks ahead by itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void CopyRows(float* source, long rowStride, int depth, int columns, ReadOnlySpan<int> widths, float* block, int within, int blockSteps)
    {
        for (int k = 0; k < depth; k++, source += rowStride)
        {
            float* s = source, end = source + columns, panel = block;
            foreach (int width in widths)
            {
                float* d = panel + (long)(within + k) * width;
                panel += (long)blockSteps * width;
                if (s + width <= end)
                {
                    V.Store(V.Load(s), d);
                    if (width > V.Count) V.Store(V.Load(s + V.Count), d + V.Count);
                    if (width > 2 * V.Count) V.Store(V.Load(s + 2 * V.Count), d + 2 * V.Count);
                }
                else
                {
                    for (int j = 0; j < width; j += V.Count) V.Store(end - s - j >= V.Count ? V.Load(s + j) : V.LoadPartial(s + j, (int)(end - s) - j), d + j);
                }
                s += width;
            }
        }
    }

    /// <summary>Column j is contiguous (or strided): transpose it, a square of vectors at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void CopyColumns(float* source, long rowStride, long columnStride, int depth, int valid, int width, float* destination)
    {
        int j = 0;
        if (rowStride == 1)
        {
            for (; j + V.Count <= valid; j += V.Count)
            {
                float* s = source + j * columnStride;
                float* d = destination + j;
                int k = 0;
                for (; k + V.Count <= depth; k += V.Count) V.Transpose(s + k, columnStride, d + (long)k * width, width);
                for (; k < depth; k++)
                    for (int c = 0; c < V.Count; c++) d[(long)k * width + c] = s[c * columnStride + k];
            }
        }
        for (; j < width; j++)
        {
            float* s = source + j * columnStride;
            float* d = destination + j;
            if (j < valid) for (int k = 0; k < depth; k++) d[(long)k * width] = s[k * rowStride];
            else for (int k = 0; k < depth; k++) d[(long)k * width] = 0;
        }
    }
}
