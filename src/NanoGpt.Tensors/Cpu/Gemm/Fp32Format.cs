using System.Runtime.CompilerServices;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>Operands as they are, fp32; a step is one element of k.</summary>
internal readonly unsafe struct Fp32Format<V> : IFormat<V> where V : unmanaged, ISimd<V>
{
    public static int Pairing => 1;

    public static int TileRows => V.TileRows;

    /// <summary>Rows are read in place. Reading columns touches a new page for every k: worth a copy when several panels will read it.</summary>
    public static bool ReadsInPlace(MatrixView a, int panels) => a.ColumnStride == 1 || panels < 3;

    public static void Tiles(int count, int columns, int steps, float* a, long rs, long cs, float* b, float* start, long startStride, float* c, long cStride) =>
        MicroKernel<V>.Run(count, columns, steps, a, rs, cs, b, start, startStride, c, cStride);

    public static void PackB(MatrixView b, int step0, int steps, int column, int valid, int width, float* destination)
    {
        if (b.ColumnStride == 1) CopyRows(b.At(step0, column), b.RowStride, steps, valid, width, destination);
        else CopyColumns(b.At(step0, column), b.RowStride, b.ColumnStride, steps, valid, width, destination);
    }

    /// <summary>A's rows lie side by side in memory, so for each k a run of them is copied.</summary>
    public static MatrixView PackA(MatrixView a, int row0, int row1, int step0, int steps, float* destination)
    {
        int rows = row1 - row0, width = (rows + V.TileRows - 1) / V.TileRows * V.TileRows;
        if (a.RowStride == 1) CopyRows(a.At(row0, step0), a.ColumnStride, steps, rows, width, destination);
        else CopyColumns(a.At(row0, step0), a.ColumnStride, a.RowStride, steps, rows, width, destination);
        return new MatrixView(destination, width, steps, 1, width);
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

    /// <summary>Row k is contiguous: copy it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void CopyRows(float* source, long rowStride, int depth, int valid, int width, float* destination)
    {
        for (int k = 0; k < depth; k++, source += rowStride, destination += width)
        {
            int j = 0;
            if (k + Prefetch.Rows < depth) Prefetch.Row(source + Prefetch.Rows * rowStride, valid);
            for (; j + V.Count <= valid; j += V.Count) V.Store(V.Load(source + j), destination + j);
            for (; j < width; j += V.Count)
            {
                V rest = V.LoadPartial(source + j, valid - j);
                if (j + V.Count <= width) V.Store(rest, destination + j);
                else V.StorePartial(rest, destination + j, width - j);
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
