using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>A matrix packed for the right-hand side of a product; its memory is kept from one use to the next.</summary>
internal sealed unsafe class PackedMatrix<V, F> : IDisposable where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    readonly ScratchBuffer buffer = new();

    public RightSide<V, F> Side { get; private set; }

    /// <summary>Packs <paramref name="b"/> on all workers, replacing what was there.</summary>
    public void Pack(WorkerPool pool, MatrixView b)
    {
        if (b.ColumnStride == 1)
        {
            var (work, items) = PackingOfRows(b);
            pool.Run(items, 1, work);
            return;
        }
        MakeRoom(b);
        // A work item should be worth a few microseconds.
        int grain = Math.Max(1, 16384 / (b.Rows * MicroKernel<V>.MaxVectors * V.Count));
        pool.Run(Side.Panels.Panels, grain, new PackWork<V, F>(b, Side));
    }

    /// <summary>The work that packs a matrix whose rows are contiguous: they are read from end to end, as they lie in memory.</summary>
    public (PackStepsWork<V, F> Work, int Items) PackingOfRows(MatrixView b)
    {
        MakeRoom(b);
        int size = Side.Panels.BlockSize, blocks = (Side.Panels.Steps + size - 1) / size, parts = (size + PackStepsWork<V, F>.Steps - 1) / PackStepsWork<V, F>.Steps;
        return (new(b, Side, parts), blocks * parts);
    }

    void MakeRoom(MatrixView b)
    {
        var panels = RightSide<V, F>.Cut(b.Rows, b.Columns);
        Side = RightSide<V, F>.PackedAt(buffer.Get(panels.Length), panels);
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
