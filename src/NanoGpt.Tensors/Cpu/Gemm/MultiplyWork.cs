using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>Multiplies blocks of rows of A by groups of panels of B; an item is one of each.</summary>
internal readonly unsafe struct MultiplyWork<V, F>(LeftSide<V, F> a, RightSide<V, F> b, MatrixView c, float* bias,
    bool accumulate, int groups, int rowBlock) : IWork where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    /// <summary>Rows of A in a work item where A is read in place.</summary>
    public const int RowsInPlace = 48;

    /// <summary>Rows of A in a work item where A is packed: with a block of 512 steps they fill 384 KB, a good part of a second-level cache.</summary>
    const int MaxRows = 192;

    /// <summary>Fewer rows are no work item of their own, if A is packed.</summary>
    const int MinRows = 48;

    /// <summary>The same beside a B that is not near, where the second-level cache has room for a panel more, which is asked for meanwhile: every panel is then read half as often.</summary>
    const int RowsInPlaceOfFar = 96;

    /// <summary>A packed B up to this (2.5 MB) stays in a third-level cache, of which others have their parts.</summary>
    public const int SharedLength = 640 << 10;

    /// <summary>Rows of A in a work item beside a B of that length: both sides then stay near.</summary>
    const int SharedRows = 96;

    /// <summary>
    /// Rows of A in a work item. Every block of rows reads all of B: from the second-level cache, where it fits there, at no cost; from the third-level cache at
    /// little; where it is larger than any slice, which may be a grain over its length, blocks are few. Blocks are alike, as many for each worker.
    /// </summary>
    public static int RowsOf(MatrixView a, RightSide<V, F> b, int workers)
    {
        if (F.ReadsInPlace(a, b.Panels.Panels)) return b.AsksForPanels ? RowsInPlaceOfFar : RowsInPlace;
        bool near = b.IsNear, shared = !near && b.Panels.Length <= 2 * SharedLength;
        int most = shared ? SharedRows : MaxRows, wanted = (near ? 4 : 2) * workers;
        int blocks = Math.Max((a.Rows + most - 1) / most, Math.Min(wanted, a.Rows / MinRows));
        if (blocks > workers) blocks -= blocks % workers;
        return (a.Rows + blocks - 1) / blocks;
    }

    /// <summary>The work of C = A·B (+ C if <paramref name="accumulate"/>, + bias per column if given), cut for so many workers into blocks of so many rows.</summary>
    public static (MultiplyWork<V, F> Work, int Items) Share(MatrixView a, LeftPacker<V, F> packer, RightSide<V, F> b, MatrixView c, float* bias, bool accumulate, int rows, int workers)
    {
        int rowBlock = (Math.Min(rows, a.Rows) + F.TileRows - 1) / F.TileRows * F.TileRows;
        int rowBlocks = (a.Rows + rowBlock - 1) / rowBlock;
        // Groups of panels only where blocks of rows are too few to share out.
        int groups = workers == 1 || rowBlocks >= 2 * workers ? 1 : Math.Clamp((4 * workers + rowBlocks - 1) / rowBlocks, 1, b.Panels.Panels);
        // Groups would each pack the same rows of A: it is done once for all.
        bool again = groups > 1 && !F.ReadsInPlace(a, b.Panels.Panels);
        LeftSide<V, F> side = again ? packer.Pack(a, rowBlock, b.Panels.BlockSize) : new(a, streamed: groups == 1);
        return (new(side, b, c, bias, accumulate, groups, rowBlock), rowBlocks * groups);
    }

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
