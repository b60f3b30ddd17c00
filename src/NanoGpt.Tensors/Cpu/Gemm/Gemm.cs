using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>A matrix packed for the right-hand side of a product; its memory is kept from one use to the next.</summary>
internal sealed unsafe class PackedMatrix<V> : IDisposable where V : unmanaged, ISimd<V>
{
    readonly ScratchBuffer buffer = new();

    public PackedPanels<V> Panels { get; private set; }
    public float* Data { get; private set; }

    /// <summary>Packs <paramref name="b"/> on all workers, replacing what was there.</summary>
    public void Pack(WorkerPool pool, MatrixView b)
    {
        Panels = new PackedPanels<V>(b.Rows, b.Columns);
        Data = buffer.Get(Panels.Length);
        // A work item should be worth a few microseconds.
        int grain = Math.Max(1, 16384 / (b.Rows * MicroKernel<V>.MaxVectors * V.Count));
        pool.Run(Panels.Panels, grain, new PackWork<V>(b, Panels, Data));
    }

    public void Dispose() => buffer.Dispose();
}

/// <summary>
/// Matrix multiplication on all workers. Blocks of C are shared out; B is packed beforehand, or, where that would not pay,
/// by each worker as it goes.
/// </summary>
internal sealed unsafe class Gemm<V>(WorkerPool pool) : IDisposable where V : unmanaged, ISimd<V>
{
    /// <summary>Rows of A in a work item where A is read in place.</summary>
    const int MaxRowsInPlace = 64;

    /// <summary>Rows of A in a work item where A is packed: with a K block of 512 they fill 384 KB, a good part of a second-level cache.</summary>
    const int MaxRows = 192;

    /// <summary>A packed B larger than this (8 MB) leaves the cache before it is read.</summary>
    const long MaxShared = 2 << 20;

    readonly PackedMatrix<V> shared = new();

    /// <summary>C = A·B (+ C if <paramref name="accumulate"/>, + bias per column if given; not both).</summary>
    public void Multiply(MatrixView a, MatrixView b, MatrixView c, float* bias = null, bool accumulate = false)
    {
        var panels = new PackedPanels<V>(b.Rows, b.Columns);
        // Packing rows of B is a mere copy: where few blocks of rows will read it, each does it for itself.
        if (b.ColumnStride == 1 && a.Rows <= 2 * MaxRows)
        {
            Share(a, new RightSide<V>(panels, b), c, bias, accumulate, MaxRows);
            return;
        }
        // K in slices, so that the packed slice of B is still in the cache when it is read.
        int slices = (int)((panels.Length + MaxShared - 1) / MaxShared), depth = (b.Rows + slices - 1) / slices;
        for (int k0 = 0; k0 < b.Rows; k0 += depth)
        {
            int count = Math.Min(depth, b.Rows - k0);
            shared.Pack(pool, new MatrixView(b.At(k0, 0), count, b.Columns, b.RowStride, b.ColumnStride));
            Multiply(new MatrixView(a.At(0, k0), a.Rows, count, a.RowStride, a.ColumnStride), shared, c, k0 == 0 ? bias : null, accumulate || k0 > 0);
        }
    }

    /// <summary>C = A·B with B packed already.</summary>
    public void Multiply(MatrixView a, PackedMatrix<V> b, MatrixView c, float* bias = null, bool accumulate = false) =>
        Share(a, new RightSide<V>(b.Panels, b.Data), c, bias, accumulate, Math.Clamp(a.Rows / (4 * pool.Workers), 48, a.ColumnStride == 1 ? MaxRowsInPlace : MaxRows));

    void Share(MatrixView a, RightSide<V> b, MatrixView c, float* bias, bool accumulate, int rows)
    {
        int rowBlock = (Math.Min(rows, a.Rows) + V.TileRows - 1) / V.TileRows * V.TileRows;
        int rowBlocks = (a.Rows + rowBlock - 1) / rowBlock;
        int groups = Math.Clamp((4 * pool.Workers + rowBlocks - 1) / rowBlocks, 1, b.Panels.Panels);
        pool.Run(rowBlocks * groups, 1, new MultiplyWork<V>(a, b, c, bias, accumulate, groups, rowBlock));
    }

    public void Dispose() => shared.Dispose();
}

internal readonly unsafe struct PackWork<V>(MatrixView b, PackedPanels<V> panels, float* packed) : IWork where V : unmanaged, ISimd<V>
{
    public void Run(int from, int to)
    {
        for (int panel = from; panel < to; panel++) panels.Pack(b, panel, packed);
    }
}

internal readonly unsafe struct MultiplyWork<V>(MatrixView a, RightSide<V> b, MatrixView c, float* bias,
    bool accumulate, int groups, int rowBlock) : IWork where V : unmanaged, ISimd<V>
{
    public void Run(int from, int to)
    {
        float* scratch = ScratchBuffer.OfThread.Get(TileRunner<V>.ScratchLength(rowBlock));
        for (int item = from; item < to; item++)
        {
            int row = item / groups * rowBlock, group = item % groups;
            TileRunner<V>.Run(a, b, c, bias, accumulate, b.Panels.K, row, Math.Min(row + rowBlock, a.Rows),
                (int)((long)b.Panels.Panels * group / groups), (int)((long)b.Panels.Panels * (group + 1) / groups), scratch);
        }
    }
}
