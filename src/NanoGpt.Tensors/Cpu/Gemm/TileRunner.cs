using System.Runtime.CompilerServices;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>
/// Multiplies a block of rows of A by a range of panels of B. The sum over k of one element of C is always formed in the
/// same order, so results do not depend on how rows and panels are shared out among threads.
/// </summary>
internal static unsafe class TileRunner<V, F> where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    static int PanelScratch => MicroKernel<V>.MaxVectors * 16 * PackedPanels<V>.MaxBlock;

    /// <summary>Words of scratch for a block of so many rows.</summary>
    public static long ScratchLength(int rows) => PanelScratch + PackedLength(rows);

    /// <summary>Words that so many rows of A take, packed.</summary>
    public static long PackedLength(int rows) => (rows + 2 * F.TileRows) * (long)(PackedPanels<V>.MaxBlock + 32);

    /// <summary>C = A·B (+ C if <paramref name="accumulate"/>, + bias per column if given), over the first <paramref name="depth"/> elements of k.</summary>
    /// <param name="a">The left side, packed or as it is.</param>
    /// <param name="b">The right side, packed or as it is.</param>
    /// <param name="c">The result, whole.</param>
    /// <param name="bias">One per column of C, or null; the columns of C are then side by side.</param>
    /// <param name="accumulate">Whether to add to C.</param>
    /// <param name="depth">How much of k to sum over.</param>
    /// <param name="row0">First row.</param>
    /// <param name="row1">End of the rows.</param>
    /// <param name="panel0">First panel.</param>
    /// <param name="panel1">End of the panels.</param>
    /// <param name="scratch">Room of <see cref="ScratchLength"/> to pack A, and B if it is not.</param>
    /// <param name="later">Memory that will be read or written after all of this, where the sides have none to ask for.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(LeftSide<V, F> a, RightSide<V, F> b, MatrixView c, float* bias, bool accumulate,
        int depth, int row0, int row1, int panel0, int panel1, float* scratch, Ahead later)
    {
        var panels = b.Panels;
        int tileRows = F.TileRows, used = (depth + F.Pairing - 1) / F.Pairing;
        if (!F.AsksAhead) later.Ask();
        float* edge = stackalloc float[F.TileRows * 3 * 16];
        for (int step = 0; step < used; step += panels.BlockSize)
        {
            int steps = Math.Min(panels.BlockSize, used - step);
            bool fromC = accumulate || step > 0;
            var block = a.Block(row0, row1, step, steps, depth, panel1 - panel0, scratch + PanelScratch);
            var next = step == 0 && later.Rows > 0 ? later : a.Next(row0, row1, step, panels.BlockSize, depth);
            for (int panel = panel0; panel < panel1; panel++)
            {
                int width = panels.Vectors(panel) * V.Count, valid = panels.Columns(panel), column = panels.FirstColumn(panel);
                float* packedB = b.Block(step, steps, panel, scratch);
                float* target = c.At(row0, column);
                float* start = fromC ? target : bias == null ? null : bias + column;
                long startStride = fromC ? c.RowStride : 0;
                // A panel of B that is not near is needed sooner than the next block of A.
                var source = panel + 1 < panel1 ? b.Source(step, panel + 1) : b.Source(step + panels.BlockSize, panel0);
                var ahead = source.Rows > 0 ? source : next.Part(panel - panel0, panel1 - panel0);
                int whole = c.ColumnStride == 1 ? (row1 - row0) / tileRows : 0;
                if (whole > 0) F.Tiles(whole, valid, steps, block, packedB, start, startStride, target, c.RowStride, ahead);
                for (int i = whole * tileRows; i < row1 - row0; i += tileRows)
                {
                    RunEdge(steps, block.From(i / tileRows, tileRows), row1 - row0 - i, packedB, start == null ? null : start + i * startStride, startStride,
                        target + i * c.RowStride, c.RowStride, c.ColumnStride, valid, width, edge);
                }
            }
        }
        F.Finish();
    }

    /// <summary>A tile that sticks out over the last row of C, or whose columns are not side by side: computed whole in scratch, the part that exists copied out.</summary>
    static void RunEdge(int steps, LeftTiles a, int rows, float* b,
        float* start, long startStride, float* target, long targetStride, long columnStride, int valid, int width, float* edge)
    {
        rows = Math.Min(rows, F.TileRows);
        if (start != null)
        {
            for (int r = 0; r < rows; r++) CopyRow(start + r * startStride, columnStride, edge + r * width, 1, valid);
        }
        // A packed block has all rows of its last tile; in place, those that do not exist must not be read.
        bool copy = a.Rows < F.TileRows;
        float* strip = stackalloc float[copy ? F.TileRows * steps : 0];
        if (copy)
        {
            for (int r = 0; r < rows; r++) CopyRow(a.Data + r * a.RowStride, a.ColumnStride, strip + r * steps, 1, steps);
            new Span<float>(strip + rows * steps, (F.TileRows - rows) * steps).Clear();
            a = new LeftTiles(new MatrixView(strip, F.TileRows, steps), F.TileRows);
        }
        F.Tiles(1, width, steps, a, b, start == null ? null : edge, width, edge, width, default);
        for (int r = 0; r < rows; r++) CopyRow(edge + r * width, 1, target + r * targetStride, columnStride, valid);
    }

    /// <summary>to[j·toStride] = from[j·fromStride], for j below <paramref name="count"/>.</summary>
    static void CopyRow(float* from, long fromStride, float* to, long toStride, int count)
    {
        int j = 0;
        if (fromStride == 1 && toStride == 1)
        {
            for (; j + V.Count <= count; j += V.Count) V.Store(V.Load(from + j), to + j);
            V.StorePartial(V.LoadPartial(from + j, count - j), to + j, count - j);
            return;
        }
        for (; j < count; j++) to[j * toStride] = from[j * fromStride];
    }
}
