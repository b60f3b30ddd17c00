using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>
/// Matrix multiplication on all workers. Blocks of C are shared out; B is packed beforehand, or, where that would not pay,
/// by each worker as it goes.
/// </summary>
internal sealed unsafe class Gemm<V, F>(WorkerPool pool) : IDisposable where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    /// <summary>So many rows are one work item: as many as a second-level cache holds beside a panel of B.</summary>
    public const int MaxRowsAlone = 256;

    readonly DeepGemm<V, F> deep = new(pool);
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
            Share(b.Transposed, RightSide<V, F>.AsItIs(a.Transposed), c.Transposed, null, accumulate, MultiplyWork<V, F>.RowsInPlace);
            return;
        }
        if (bias == null && DeepGemm<V, F>.Takes(a, b, c))
        {
            deep.Multiply(a, b, c, accumulate);
            return;
        }
        // One block of rows reads each panel of B once: it is packed where it is used, and never travels to memory and back. Not so where A is the larger
        // of two sides to be packed: all would wait until it is.
        if (a.Rows <= MaxRowsAlone && (a.ColumnStride == 1 || a.Rows <= b.Columns))
        {
            Share(a, RightSide<V, F>.AsItIs(b), c, bias, accumulate, MaxRowsAlone);
            return;
        }
        var slices = new Slices<V, F>(b.Rows, b.Columns, MultiplyWork<V, F>.SharedLength);
        for (int j0 = 0; j0 < b.Columns; j0 += slices.Width)
            for (int k0 = 0; k0 < b.Rows; k0 += slices.Depth)
            {
                int columns = Math.Min(slices.Width, b.Columns - j0), steps = Math.Min(slices.Depth, b.Rows - k0);
                shared.Pack(pool, b.Part(k0, steps, j0, columns));
                var slice = a.Part(0, a.Rows, k0, steps);
                Share(slice, shared.Side, c.Part(0, c.Rows, j0, columns), k0 == 0 && bias != null ? bias + j0 : null, accumulate || k0 > 0, MultiplyWork<V, F>.RowsOf(slice, shared.Side, pool.Workers));
            }
    }

    /// <summary>C = A·B with B packed already.</summary>
    public void Multiply(MatrixView a, PackedMatrix<V, F> b, MatrixView c) => Share(a, b.Side, c, null, accumulate: false, MultiplyWork<V, F>.RowsOf(a, b.Side, pool.Workers));

    void Share(MatrixView a, RightSide<V, F> b, MatrixView c, float* bias, bool accumulate, int rows)
    {
        var (work, items) = MultiplyWork<V, F>.Share(a, left, b, c, bias, accumulate, rows, pool.Workers);
        pool.Run(items, 1, work);
    }

    public void Dispose()
    {
        deep.Dispose();
        shared.Dispose();
        left.Dispose();
    }
}
