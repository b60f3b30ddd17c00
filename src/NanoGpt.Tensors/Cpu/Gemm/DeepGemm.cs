using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>
/// Products over a deep k of two sides that lie k by k, which gradients of weights are: half of the workers sum over the first half of k, the other half over the second.
/// <code>
/// C = A₀·B₀ + A₁·B₁
/// </code>
/// The rows of activations that a worker writes in other kernels are then those that it reads and packs here. Otherwise each would read what the other wrote, and
/// cores whose third-level caches are not the same pass a line on more slowly than memory does. The halves do not depend on the number of workers.
/// </summary>
internal sealed unsafe class DeepGemm<V, F>(WorkerPool pool) : IDisposable where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    /// <summary>A half has so many steps at least, or else its sums, written and read once more, would cost too much.</summary>
    const int MinHalf = 384;

    /// <summary>Elements of the largest C (16 MB).</summary>
    const int MaxSums = 4 << 20;

    readonly PackedMatrix<V, F> first = new(), second = new();
    readonly LeftPacker<V, F> firstLeft = new(pool), secondLeft = new(pool);
    readonly ScratchBuffer sums = new();

    /// <summary>Whether a product is one of these.</summary>
    public static bool Takes(MatrixView a, MatrixView b, MatrixView c) =>
        a.ColumnStride != 1 && b.ColumnStride == 1 && c.ColumnStride == 1 && b.Rows >= 2 * MinHalf && (long)c.Rows * c.Columns <= MaxSums;

    /// <summary>C = A·B (+ C if <paramref name="accumulate"/>).</summary>
    public void Multiply(MatrixView a, MatrixView b, MatrixView c, bool accumulate)
    {
        var others = new MatrixView(sums.Get(c.Rows * c.Columns), c.Rows, c.Columns);
        int half = Slices<V, F>.Cut(b.Rows, (b.Rows + 1) / 2, PackedPanels<V>.Grain * F.Pairing), workers = (pool.Workers + 1) / 2;
        var slices = new Slices<V, F>(half, b.Columns, MultiplyWork<V, F>.SharedLength / 2);
        for (int j0 = 0; j0 < b.Columns; j0 += slices.Width)
            for (int k0 = 0; k0 < half; k0 += slices.Depth)
            {
                int columns = Math.Min(slices.Width, b.Columns - j0), steps = Math.Min(slices.Depth, half - k0);
                int otherSteps = Math.Min(slices.Depth, b.Rows - half - k0);       // the second half may be two grains shorter: none are left then, or fewer
                var (pack, packs) = Pack(k0, steps, first);
                var (otherPack, otherPacks) = Pack(half + k0, otherSteps, second);
                pool.Run(packs + otherPacks, 1, new Both<PackStepsWork<V, F>>(pack, packs, otherPack));
                var (work, items) = Share(k0, steps, firstLeft, first, c, accumulate || k0 > 0);
                var (otherWork, otherItems) = Share(half + k0, otherSteps, secondLeft, second, others, k0 > 0);
                pool.Run(items + otherItems, 1, new Both<MultiplyWork<V, F>>(work, items, otherWork));

                (PackStepsWork<V, F>, int) Pack(int from, int count, PackedMatrix<V, F> right) =>
                    count <= 0 ? default : right.PackingOfRows(b.Part(from, count, j0, columns));

                (MultiplyWork<V, F>, int) Share(int from, int count, LeftPacker<V, F> left, PackedMatrix<V, F> right, MatrixView target, bool add)
                {
                    if (count <= 0) return default;
                    var slice = a.Part(0, a.Rows, from, count);
                    int rows = MultiplyWork<V, F>.RowsOf(slice, right.Side, workers);
                    return MultiplyWork<V, F>.Share(slice, left, right.Side, target.Part(0, c.Rows, j0, columns), null, add, rows, workers);
                }
            }
        pool.Run(c.Rows, Math.Max(1, 16384 / c.Columns), new AddRowsWork<V>(others, c));
    }

    public void Dispose()
    {
        first.Dispose();
        second.Dispose();
        firstLeft.Dispose();
        secondLeft.Dispose();
        sums.Dispose();
    }
}

/// <summary>The items of one work, then those of another.</summary>
internal readonly struct Both<TWork>(TWork first, int items, TWork second) : IWork where TWork : unmanaged, IWork
{
    public void Run(int from, int to)
    {
        if (from < items) first.Run(from, Math.Min(to, items));
        if (to > items) second.Run(Math.Max(from - items, 0), to - items);
    }
}

/// <summary>C += A. Items are rows.</summary>
internal readonly unsafe struct AddRowsWork<V>(MatrixView a, MatrixView c) : IWork where V : unmanaged, ISimd<V>
{
    public void Run(int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            float* x = a.At(row, 0), y = c.At(row, 0);
            int j = 0;
            for (; j + V.Count <= c.Columns; j += V.Count) V.Store(V.Load(y + j) + V.Load(x + j), y + j);
            V.StorePartial(V.LoadPartial(y + j, c.Columns - j) + V.LoadPartial(x + j, c.Columns - j), y + j, c.Columns - j);
        }
    }
}
