using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>
/// Multiplies a block of rows of A by a range of packed panels of B. The sum over k of one element of C is always formed
/// in the same order, so results do not depend on how rows and panels are shared out among threads.
/// </summary>
internal static unsafe class TileRunner<V> where V : unmanaged, ISimd<V>
{
    /// <summary>Columns left free after each packed tile of A: tiles a multiple of 4 KB apart would all fall into the same cache sets.</summary>
    const int TilePadding = 2;

    /// <summary>Floats of scratch that packing on the fly needs for a block of so many rows.</summary>
    public static long ScratchLength(int rows) => (long)(rows + V.TileRows + MicroKernel<V>.MaxVectors * V.Count) * (PackedPanels<V>.MaxBlock + TilePadding);

    /// <summary>C = A·B (+ C if <paramref name="accumulate"/>, + bias per column if given), over the first <paramref name="depthUsed"/> of k.</summary>
    /// <param name="a">The left side, whole.</param>
    /// <param name="b">The right side, packed or as it is.</param>
    /// <param name="c">The result, whole.</param>
    /// <param name="bias">One per column of C, or null.</param>
    /// <param name="accumulate">Whether to add to C.</param>
    /// <param name="depthUsed">How much of k to sum over.</param>
    /// <param name="row0">First row.</param>
    /// <param name="row1">End of the rows.</param>
    /// <param name="panel0">First panel.</param>
    /// <param name="panel1">End of the panels.</param>
    /// <param name="scratch">Room to pack A, and B if it is not; null reads A in place.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(MatrixView a, RightSide<V> b, MatrixView c, float* bias, bool accumulate,
        int depthUsed, int row0, int row1, int panel0, int panel1, float* scratch)
    {
        var panels = b.Panels;
        int tileRows = V.TileRows;
        // Reading A by columns touches a new page for every k: worth a copy when several panels will read it.
        bool packA = scratch != null && a.ColumnStride != 1 && panel1 - panel0 > 2;
        float* packedA = scratch + MicroKernel<V>.MaxVectors * V.Count * PackedPanels<V>.MaxBlock;
        float* edge = stackalloc float[8 * 3 * 16];
        for (int k0 = 0; k0 < depthUsed; k0 += panels.BlockSize)
        {
            int depth = Math.Min(panels.BlockSize, depthUsed - k0);
            bool fromC = accumulate || k0 > 0;
            if (packA) PackColumns(a, row0, row1, k0, depth, packedA);
            for (int panel = panel0; panel < panel1; panel++)
            {
                int vectors = panels.Vectors(panel), width = vectors * V.Count, valid = panels.Columns(panel), column = panels.FirstColumn(panel);
                float* packedB = b.Block(k0, depth, panel, scratch);
                for (int i = row0; i < row1; i += tileRows)
                {
                    float* target = c.At(i, column);
                    float* start = fromC ? target : bias == null ? null : bias + column;
                    long startStride = fromC ? c.RowStride : 0;
                    int rows = Math.Min(tileRows, row1 - i);
                    var tile = packA ? new MatrixView(packedA + (long)(i - row0) * (depth + TilePadding), tileRows, depth, 1, tileRows)
                        : new MatrixView(a.At(i, k0), rows, depth, a.RowStride, a.ColumnStride);
                    if (rows == tileRows && valid == width)
                        MicroKernel<V>.Run(vectors, depth, tile.Data, tile.RowStride, tile.ColumnStride, packedB, start, startStride, target, c.RowStride);
                    else
                        RunEdge(vectors, depth, tile, rows, packedB, start, startStride, target, c.RowStride, valid, width, edge);
                }
            }
        }
    }

    /// <summary>Copies rows [row0, row1) of A, which lie side by side in memory, into tiles: for each k, the tile's rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void PackColumns(MatrixView a, int row0, int row1, int k0, int depth, float* strip)
    {
        int tileRows = V.TileRows, whole = (row1 - row0) / tileRows * tileRows;
        long tile = (long)(depth + TilePadding) * tileRows;
        for (int k = 0; k < depth; k++)
        {
            float* source = a.At(row0, k0 + k);
            float* destination = strip + (long)k * tileRows;
            int i = 0;
            if (k + Prefetch.Rows < depth) Prefetch.Row(a.At(row0, k0 + k + Prefetch.Rows), row1 - row0);
            if (a.RowStride == 1)
            {
                for (; i < whole; i += tileRows, destination += tile)
                {
                    if (tileRows == 8) Vector256.Load(source + i).Store(destination);
                    else Vector128.Load(source + i).Store(destination);
                }
            }
            for (; i < row1 - row0; i += tileRows, destination += tile)
                for (int r = 0; r < tileRows; r++) destination[r] = i + r < row1 - row0 ? source[(i + r) * a.RowStride] : 0;
        }
    }

    /// <summary>A tile that sticks out over the edge of C: computed whole in scratch, the part that exists copied out.</summary>
    static void RunEdge(int vectors, int depth, MatrixView tile, int rows, float* b,
        float* start, long startStride, float* target, long targetStride, int valid, int width, float* edge)
    {
        if (start != null)
        {
            for (int r = 0; r < rows; r++)
                for (int j = 0; j < valid; j++) edge[r * width + j] = start[r * startStride + j];
        }
        // Rows that do not exist read as zero: never beyond the end of A.
        float* strip = stackalloc float[tile.Rows == V.TileRows ? 0 : V.TileRows * (depth + TilePadding)];
        if (tile.Rows < V.TileRows)
        {
            PackColumns(tile, 0, tile.Rows, 0, depth, strip);
            tile = new MatrixView(strip, V.TileRows, depth, 1, V.TileRows);
        }
        MicroKernel<V>.Run(vectors, depth, tile.Data, tile.RowStride, tile.ColumnStride, b, start == null ? null : edge, width, edge, width);
        for (int r = 0; r < rows; r++)
            for (int j = 0; j < valid; j++) target[r * targetStride + j] = edge[r * width + j];
    }
}
