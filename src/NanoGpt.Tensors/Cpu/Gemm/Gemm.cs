using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>
/// Matrix multiplication on all workers. Blocks of C are shared out; B is packed beforehand, or, where that would not pay,
/// by each worker as it goes.
/// </summary>
internal sealed unsafe class Gemm<V, F>(WorkerPool pool) : IDisposable where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    /// <summary>Rows of A in a work item where A is read in place.</summary>
    const int RowsInPlace = 48;

    /// <summary>Rows of A in a work item where A is packed: with a block of 512 steps they fill 384 KB, a good part of a second-level cache.</summary>
    const int MaxRows = 192;

    /// <summary>Fewer rows are no work item of their own, if A is packed.</summary>
    const int MinRows = 48;

    /// <summary>So many rows are one work item: as many as a second-level cache holds beside a panel of B.</summary>
    public const int MaxRowsAlone = 256;

    /// <summary>A packed B up to this (512 KB) stays in a second-level cache.</summary>
    const int NearLength = 1 << 17;

    /// <summary>A packed B up to this (2.5 MB) stays in a third-level cache, of which others have their parts.</summary>
    const int SharedLength = 640 << 10;

    /// <summary>Columns of a slice of B where there are many: about as many as it then has steps.</summary>
    const int SharedColumns = 768;

    /// <summary>Rows of A in a work item beside a B of that length: both sides then stay near.</summary>
    const int SharedRows = 96;

    readonly PackedMatrix<V, F> shared = new();
    readonly LeftPacker<V, F> left = new(pool);

    /// <summary>C = A·B (+ C if <paramref name="accumulate"/>, + bias per column if given; not both).</summary>
    public void Multiply(MatrixView a, MatrixView b, MatrixView c, float* bias = null, bool accumulate = false)
    {
        // Fewer rows than a tile has, against a weight matrix: read the weights where they lie, as the left side of the transposed product.
        if (a.Rows < F.TileRows && b.ColumnStride != 1)
        {
            for (int row = 0; row < a.Rows && bias != null; row++)
                new ReadOnlySpan<float>(bias, c.Columns).CopyTo(new Span<float>(c.At(row, 0), c.Columns));
            accumulate |= bias != null;
            Share(b.Transposed, RightSide<V, F>.AsItIs(a.Transposed), c.Transposed, null, accumulate, RowsInPlace);
            return;
        }
        // One block of rows reads each panel of B once: it is packed where it is used, and never travels to memory and back. Not so where A is the larger
        // of two sides to be packed: all would wait until it is.
        if (a.Rows <= MaxRowsAlone && (a.ColumnStride == 1 || a.Rows <= b.Columns))
        {
            Share(a, RightSide<V, F>.AsItIs(b), c, bias, accumulate, MaxRowsAlone);
            return;
        }
        // B in slices, so that a packed one is still in the cache when it is read. With several of columns A is read again, with several of k C is read and
        // written again. The former are half as many where there are the latter anyway: A is then packed less often, and longer rows of B.
        int most = SharedLength * F.Pairing, columnsOfSlice = b.Rows <= most / SharedColumns ? SharedColumns : 2 * SharedColumns;
        int depth = Slice(b.Rows, most / Math.Min(b.Columns, columnsOfSlice), PackedPanels<V>.Grain * F.Pairing);
        int width = Slice(b.Columns, most / Math.Min(b.Rows, depth), MicroKernel<V>.MaxVectors * V.Count);
        for (int j0 = 0; j0 < b.Columns; j0 += width)
            for (int k0 = 0; k0 < b.Rows; k0 += depth)
            {
                int columns = Math.Min(width, b.Columns - j0), steps = Math.Min(depth, b.Rows - k0);
                shared.Pack(pool, new MatrixView(b.At(k0, j0), steps, columns, b.RowStride, b.ColumnStride));
                var slice = new MatrixView(a.At(0, k0), a.Rows, steps, a.RowStride, a.ColumnStride);
                var target = new MatrixView(c.At(0, j0), c.Rows, columns, c.RowStride, c.ColumnStride);
                Share(slice, shared.Side, target, k0 == 0 && bias != null ? bias + j0 : null, accumulate || k0 > 0, RowsOf(slice, shared.Side));
            }
    }

    /// <summary>C = A·B with B packed already.</summary>
    public void Multiply(MatrixView a, PackedMatrix<V, F> b, MatrixView c) => Share(a, b.Side, c, null, accumulate: false, RowsOf(a, b.Side));

    /// <summary>How long the slices of a length are, alike, if it is cut at multiples of a grain: none is a whole grain longer than <paramref name="most"/>.</summary>
    static int Slice(int length, int most, int grain)
    {
        int slices = (length + most - 1) / most;
        return ((length + slices - 1) / slices + grain - 1) / grain * grain;
    }

    /// <summary>
    /// Rows of A in a work item. Every block of rows reads all of B: from the second-level cache, where it fits there, at no cost; from the third-level cache at
    /// little; where it is larger than any slice, which may be a grain over its length, blocks are few. Blocks are alike, as many for each worker.
    /// </summary>
    int RowsOf(MatrixView a, RightSide<V, F> b)
    {
        if (F.ReadsInPlace(a, b.Panels.Panels)) return RowsInPlace;
        bool near = b.Panels.Length <= NearLength, shared = !near && b.Panels.Length <= 2 * SharedLength;
        int most = shared ? SharedRows : MaxRows, wanted = (near ? 4 : 2) * pool.Workers;
        int blocks = Math.Max((a.Rows + most - 1) / most, Math.Min(wanted, a.Rows / MinRows));
        if (blocks > pool.Workers) blocks -= blocks % pool.Workers;
        return (a.Rows + blocks - 1) / blocks;
    }

    void Share(MatrixView a, RightSide<V, F> b, MatrixView c, float* bias, bool accumulate, int rows)
    {
        int rowBlock = (Math.Min(rows, a.Rows) + F.TileRows - 1) / F.TileRows * F.TileRows;
        int rowBlocks = (a.Rows + rowBlock - 1) / rowBlock;
        // Groups of panels only where blocks of rows are too few to share out.
        int groups = rowBlocks >= 2 * pool.Workers ? 1 : Math.Clamp((4 * pool.Workers + rowBlocks - 1) / rowBlocks, 1, b.Panels.Panels);
        // Groups would each pack the same rows of A: it is done once for all.
        bool again = groups > 1 && !F.ReadsInPlace(a, b.Panels.Panels);
        LeftSide<V, F> side = again ? left.Pack(a, rowBlock, b.Panels.BlockSize) : new(a, streamed: groups == 1);
        pool.Run(rowBlocks * groups, 1, new MultiplyWork<V, F>(side, b, c, bias, accumulate, groups, rowBlock));
    }

    public void Dispose()
    {
        shared.Dispose();
        left.Dispose();
    }
}

/// <summary>A matrix packed for the right-hand side of a product; its memory is kept from one use to the next.</summary>
internal sealed unsafe class PackedMatrix<V, F> : IDisposable where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    readonly ScratchBuffer buffer = new();

    public RightSide<V, F> Side { get; private set; }

    /// <summary>Packs <paramref name="b"/> on all workers, replacing what was there.</summary>
    public void Pack(WorkerPool pool, MatrixView b)
    {
        var panels = RightSide<V, F>.Cut(b.Rows, b.Columns);
        Side = RightSide<V, F>.PackedAt(buffer.Get(panels.Length), panels);
        if (b.ColumnStride == 1)
        {
            // Rows are read from end to end, as they lie in memory.
            int blocks = (panels.Steps + panels.BlockSize - 1) / panels.BlockSize, parts = (panels.BlockSize + PackStepsWork<V, F>.Steps - 1) / PackStepsWork<V, F>.Steps;
            pool.Run(blocks * parts, 1, new PackStepsWork<V, F>(b, Side, parts));
            return;
        }
        // A work item should be worth a few microseconds.
        int grain = Math.Max(1, 16384 / (b.Rows * MicroKernel<V>.MaxVectors * V.Count));
        pool.Run(panels.Panels, grain, new PackWork<V, F>(b, Side));
    }

    public void Dispose() => buffer.Dispose();
}

internal readonly struct PackWork<V, F>(MatrixView b, RightSide<V, F> side) : IWork where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    public void Run(int from, int to)
    {
        for (int panel = from; panel < to; panel++) side.PackPanel(b, panel);
    }
}

internal readonly struct PackStepsWork<V, F>(MatrixView b, RightSide<V, F> side, int parts) : IWork where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    public const int Steps = 32;

    public void Run(int from, int to)
    {
        var panels = side.Panels;
        for (int item = from; item < to; item++)
        {
            int block = item / parts * panels.BlockSize, step = block + item % parts * Steps, end = Math.Min(step + Steps, Math.Min(block + panels.BlockSize, panels.Steps));
            if (step < end) side.PackSteps(b, step, end - step);
        }
    }
}

internal readonly unsafe struct MultiplyWork<V, F>(LeftSide<V, F> a, RightSide<V, F> b, MatrixView c, float* bias,
    bool accumulate, int groups, int rowBlock) : IWork where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    public void Run(int from, int to)
    {
        float* scratch = ScratchBuffer.OfThread.Get(TileRunner<V, F>.ScratchLength(rowBlock));
        int panels = b.Panels.Panels;
        for (int item = from; item < to; item++)
        {
            int row = item / groups * rowBlock, group = item % groups;
            TileRunner<V, F>.Run(a, b, c, bias, accumulate, a.Columns, row, Math.Min(row + rowBlock, a.Rows),
                (int)((long)panels * group / groups), (int)((long)panels * (group + 1) / groups), scratch, later: default);
        }
    }
}
