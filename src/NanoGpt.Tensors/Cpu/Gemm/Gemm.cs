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

/// <summary>Matrix multiplication on all workers: B is packed into panels, then blocks of C are shared out.</summary>
internal sealed unsafe class Gemm<V>(WorkerPool pool) : IDisposable where V : unmanaged, ISimd<V>
{
    /// <summary>Rows of A per work item: with a K block of 512 they fill 128 KB of the second-level cache.</summary>
    const int RowBlock = 64;

    readonly PackedMatrix<V> packed = new();

    /// <summary>C = A·B (+ C if <paramref name="accumulate"/>, + bias per column if given; not both).</summary>
    public void Multiply(MatrixView a, MatrixView b, MatrixView c, float* bias = null, bool accumulate = false)
    {
        packed.Pack(pool, b);
        Multiply(a, packed, c, bias, accumulate);
    }

    /// <summary>C = A·B with B packed already.</summary>
    public void Multiply(MatrixView a, PackedMatrix<V> b, MatrixView c, float* bias = null, bool accumulate = false)
    {
        int rowBlocks = (a.Rows + RowBlock - 1) / RowBlock;
        int groups = Math.Clamp((4 * pool.Workers + rowBlocks - 1) / rowBlocks, 1, b.Panels.Panels);
        pool.Run(rowBlocks * groups, 1, new MultiplyWork<V>(a, b.Data, b.Panels, c, bias, accumulate, groups, RowBlock));
    }

    public void Dispose() => packed.Dispose();
}

internal readonly unsafe struct PackWork<V>(MatrixView b, PackedPanels<V> panels, float* packed) : IWork where V : unmanaged, ISimd<V>
{
    public void Run(int from, int to)
    {
        for (int panel = from; panel < to; panel++) panels.Pack(b, panel, packed);
    }
}

internal readonly unsafe struct MultiplyWork<V>(MatrixView a, float* packed, PackedPanels<V> panels, MatrixView c, float* bias,
    bool accumulate, int groups, int rowBlock) : IWork where V : unmanaged, ISimd<V>
{
    public void Run(int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            int row = item / groups * rowBlock, group = item % groups;
            TileRunner<V>.Run(a, packed, panels, c, bias, accumulate, panels.K,
                row, Math.Min(row + rowBlock, a.Rows),
                (int)((long)panels.Panels * group / groups), (int)((long)panels.Panels * (group + 1) / groups));
        }
    }
}
