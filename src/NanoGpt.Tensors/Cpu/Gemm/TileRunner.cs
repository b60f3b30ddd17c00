using System.Runtime.CompilerServices;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>
/// Multiplies a block of rows of A by a range of packed panels of B. The sum over k of one element of C is always formed
/// in the same order, so results do not depend on how rows and panels are shared out among threads.
/// </summary>
internal static unsafe class TileRunner<V> where V : unmanaged, ISimd<V>
{
    /// <summary>C = A·B (+ C if <paramref name="accumulate"/>, + bias per column if given), over the first <paramref name="depthUsed"/> of k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(MatrixView a, float* packed, PackedPanels<V> panels, MatrixView c, float* bias, bool accumulate,
        int depthUsed, int row0, int row1, int panel0, int panel1)
    {
        int tileRows = V.TileRows;
        float* edge = stackalloc float[8 * 3 * 16];
        for (int k0 = 0; k0 < depthUsed; k0 += panels.BlockSize)
        {
            int depth = Math.Min(panels.BlockSize, depthUsed - k0);
            bool fromC = accumulate || k0 > 0;
            for (int panel = panel0; panel < panel1; panel++)
            {
                int vectors = panels.Vectors(panel), width = vectors * V.Count, valid = panels.Columns(panel), column = panels.FirstColumn(panel);
                float* b = packed + panels.Offset(k0, panel);
                for (int i = row0; i < row1; i += tileRows)
                {
                    float* target = c.At(i, column);
                    float* start = fromC ? target : bias == null ? null : bias + column;
                    long startStride = fromC ? c.RowStride : 0;
                    int rows = Math.Min(tileRows, row1 - i);
                    if (rows == tileRows && valid == width)
                        MicroKernel<V>.Run(vectors, depth, a.At(i, k0), a.RowStride, a.ColumnStride, b, start, startStride, target, c.RowStride);
                    else
                        RunEdge(vectors, depth, a, i, k0, rows, b, start, startStride, target, c.RowStride, valid, width, edge);
                }
            }
        }
    }

    /// <summary>A tile that sticks out over the edge of C: computed whole in scratch, the part that exists copied out.</summary>
    static void RunEdge(int vectors, int depth, MatrixView a, int i, int k0, int rows, float* b,
        float* start, long startStride, float* target, long targetStride, int valid, int width, float* edge)
    {
        if (start != null)
        {
            for (int r = 0; r < rows; r++)
                for (int j = 0; j < valid; j++) edge[r * width + j] = start[r * startStride + j];
        }
        float* source = a.At(i, k0);
        long rs = a.RowStride, cs = a.ColumnStride;
        float* strip = stackalloc float[rows == V.TileRows ? 0 : V.TileRows * depth];
        if (rows < V.TileRows)
        {
            for (int k = 0; k < depth; k++)
                for (int r = 0; r < V.TileRows; r++)
                    strip[k * V.TileRows + r] = r < rows ? source[r * rs + k * cs] : 0;
            source = strip;
            rs = 1;
            cs = V.TileRows;
        }
        MicroKernel<V>.Run(vectors, depth, source, rs, cs, b, start == null ? null : edge, width, edge, width);
        for (int r = 0; r < rows; r++)
            for (int j = 0; j < valid; j++) target[r * targetStride + j] = edge[r * width + j];
    }
}
