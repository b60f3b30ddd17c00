using System.Runtime.CompilerServices;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>What becomes of an element while it is packed.</summary>
internal interface IRounding
{
    /// <summary>Whether it stays as it is.</summary>
    static abstract bool IsExact { get; }

    static abstract V Of<V>(V x) where V : unmanaged, ISimd<V>;
}

/// <summary>Elements stay as they are.</summary>
internal readonly struct Exact : IRounding
{
    public static bool IsExact => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Of<V>(V x) where V : unmanaged, ISimd<V> => x;
}

/// <summary>Packs operands of fp32, a word each, as <see cref="IFormat{V}"/> says.</summary>
internal static unsafe class FloatPacker<V, R> where V : unmanaged, ISimd<V> where R : IRounding
{
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
            else
            {
                CopyColumns(b.At(step0, column), b.RowStride, b.ColumnStride, steps, valid, width, destination);
                if (!R.IsExact) Copy(destination, destination, (long)steps * width);
            }
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

    /// <summary>Copies elements that lie side by side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy(float* from, float* to, long count)
    {
        long i = 0;
        for (; i + V.Count <= count; i += V.Count) V.Store(R.Of(V.Load(from + i)), to + i);
        if (i < count) V.StorePartial(R.Of(V.LoadPartial(from + i, (int)(count - i))), to + i, (int)(count - i));
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
                if (V.TileRows == 8) Simd256.Store(R.Of(Simd256.Load(s)), d);
                else Simd128.Store(R.Of(Simd128.Load(s)), d);
            }
            for (int row = whole * V.TileRows; row < rows; d += tileStride)
                for (int i = 0; i < V.TileRows; i++, row++) SimdScalar.Store(R.Of(SimdScalar.Create(row < rows ? source[row * rowStride] : 0)), d + i);
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
            for (; j + V.Count <= valid; j += V.Count) V.Store(R.Of(V.Load(source + j)), destination + j);
            for (; j < width; j += V.Count) V.Store(R.Of(V.LoadPartial(source + j, valid - j)), destination + j);     // the width is whole vectors
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
                    V.Store(R.Of(V.Load(s)), d);
                    if (width > V.Count) V.Store(R.Of(V.Load(s + V.Count)), d + V.Count);
                    if (width > 2 * V.Count) V.Store(R.Of(V.Load(s + 2 * V.Count)), d + 2 * V.Count);
                }
                else
                {
                    for (int j = 0; j < width; j += V.Count) V.Store(R.Of(end - s - j >= V.Count ? V.Load(s + j) : V.LoadPartial(s + j, (int)(end - s) - j)), d + j);
                }
                s += width;
            }
        }
    }

    /// <summary>Column j is contiguous (or strided): transpose it, a square of vectors at a time; rounded afterwards.</summary>
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
