using NanoGpt.Tensors.Cpu;
using NanoGpt.Tensors.Cpu.Bf16;
using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Tests;

/// <summary>A left side that is marked as a triangle gives the product of one that is not, to the bit, and what is beyond the diagonal of whole tiles is not multiplied.</summary>
public unsafe class TriangleTests
{
    const int Columns = 50;

    /// <summary>
    /// Strips of rows, and how deep k is: with a ragged last tile; behind several blocks of k; with a diagonal that lies in two of them, of vectors of 16 lanes, of fewer, of 16 with
    /// pairs in a step.
    /// </summary>
    static readonly (int Row0, int Row1, int Depth)[] strips =
        [(0, 1, 1), (0, 7, 7), (0, 32, 32), (32, 64, 64), (32, 57, 57), (64, 96, 96), (768, 800, 800), (992, 1003, 1003), (384, 416, 800), (256, 288, 800), (784, 816, 1600)];

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void A_triangle_gives_the_product_of_the_whole(SimdWidth width)
    {
        Assert.SkipUnless(width <= SimdWidths.Widest, $"This processor has no {(int)width}-bit vectors.");
        switch (width)
        {
            case SimdWidth.V512:
                Check<Simd512, Fp32Format<Simd512>>();
                Check<Simd512, Bf16RoundedFormat<Simd512>>();
                if (CpuFeatures.CanMultiplyBFloat16) Check<Simd512, Bf16Format>();
                break;
            case SimdWidth.V256:
                Check<Simd256, Fp32Format<Simd256>>();
                Check<Simd256, Bf16RoundedFormat<Simd256>>();
                Check<Lanes16, InterpretedAmxFormat>();
                break;
            case SimdWidth.V128:
                Check<Simd128, Fp32Format<Simd128>>();
                break;
            default:
                Check<SimdScalar, Fp32Format<SimdScalar>>();
                break;
        }
    }

    static void Check<V, F>() where V : unmanaged, ISimd<V> where F : IFormat<V>
    {
        foreach (bool accumulate in (bool[])[false, true])
        {
            foreach (var (row0, row1, depth) in strips) Lower<V, F>(row0, row1, depth, accumulate);
            foreach (int rows in strips.Select(strip => strip.Row1 - strip.Row0).Distinct()) Upper<V, F>(rows, accumulate);
        }
    }

    static void Lower<V, F>(int row0, int row1, int depth, bool accumulate) where V : unmanaged, ISimd<V> where F : IFormat<V>
    {
        bool oneBlock = depth <= 64;
        Compare<V, F>(Triangle.Lower, row0, row1, depth, accumulate, (row, k) => k > row, (row, k) => oneBlock && k >= TileEnd<V, F>(row0, row1, row));
    }

    static void Upper<V, F>(int rows, bool accumulate) where V : unmanaged, ISimd<V> where F : IFormat<V> =>
        Compare<V, F>(Triangle.Upper, 0, rows, rows, accumulate, (row, k) => k < row, (row, k) => k < TileEnd<V, F>(0, rows, row) - F.TileRows && TileEnd<V, F>(0, rows, row) <= rows);

    /// <summary>The end of the rows of a row's tile; far away where the tile is not whole.</summary>
    static int TileEnd<V, F>(int row0, int row1, int row) where V : unmanaged, ISimd<V> where F : IFormat<V>
    {
        int end = row - (row - row0) % F.TileRows + F.TileRows;
        return end <= row1 ? end : int.MaxValue;
    }

    static void Compare<V, F>(Triangle triangle, int row0, int row1, int depth, bool accumulate, Func<int, int, bool> zero, Func<int, int, bool> never)
        where V : unmanaged, ISimd<V> where F : IFormat<V>
    {
        float[] a = RandomValues.Normal((long)row1 * depth, 1), b = RandomValues.Normal((long)depth * Columns, 2), start = RandomValues.Normal((long)row1 * Columns, 3);
        for (int i = 0; i < a.Length; i++)
            if (zero(i / depth, i % depth)) a[i] = 0;
        foreach (bool transposed in (bool[])[false, true])
        {
            float[] whole = Multiply<V, F>(Triangle.None, a, b, start, row0, row1, depth, accumulate, transposed);
            float[] poisoned = [.. a.Select((x, i) => never(i / depth, i % depth) ? float.NaN : x)];
            float[] marked = Multiply<V, F>(triangle, poisoned, b, start, row0, row1, depth, accumulate, transposed);
            string what = $"{typeof(F).Name}, {triangle} triangle, rows {row0} to {row1}{(transposed ? ", A by columns" : "")}{(accumulate ? ", accumulated" : "")}";
            for (int i = 0; i < whole.Length; i++)
                if (whole[i] != marked[i]) Assert.Fail($"{what}: {marked[i]} instead of {whole[i]} at row {i / Columns}, column {i % Columns}.");
        }
    }

    static float[] Multiply<V, F>(Triangle triangle, float[] a, float[] b, float[] start, int row0, int row1, int depth, bool accumulate, bool transposed)
        where V : unmanaged, ISimd<V> where F : IFormat<V>
    {
        using IFence fence = OperatingSystem.IsLinux() ? new GuardPageFence() : new CanaryFence();
        float[] lying = transposed ? [.. Enumerable.Range(0, a.Length).Select(i => a[i % row1 * depth + i / row1])] : a;
        float* left = At(fence.Put(lying)), c = At(fence.Put(start));
        var view = transposed ? new MatrixView(left, depth, row1).Transposed : new MatrixView(left, row1, depth);
        var panels = RightSide<V, F>.Cut(depth, Columns);
        var right = RightSide<V, F>.Pack(new MatrixView(At(fence.Put(b)), depth, Columns), At(fence.Allocate(panels.Length)));
        var target = new MatrixView(c, row1, Columns);
        float* scratch = ScratchBuffer.OfThread.Get(TileRunner<V, F>.ScratchLength(row1 - row0));
        TileRunner<V, F>.Run(new(view, triangle: triangle), right, target, null, accumulate, depth, row0, row1, 0, panels.Panels, scratch, later: default);
        fence.AssertIntact("A product of a triangle");
        return new ReadOnlySpan<float>(c, start.Length).ToArray();
    }

    static float* At(Storage storage) => (float*)storage.Address;
}
