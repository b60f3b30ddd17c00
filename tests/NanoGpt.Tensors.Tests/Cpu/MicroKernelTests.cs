using NanoGpt.Tensors.Cpu;
using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Tests;

/// <summary>The fp32 micro-kernel, assembled and compiled: they are one function, to the bit, and neither touches what is not its own.</summary>
public unsafe class MicroKernelTests
{
    static readonly int[] depths = [1, 2, 3, 4, 5, 7, 8, 9, 31, 100], counts = [1, 2, 5];

    /// <summary>How A lies in memory: its columns side by side, its rows side by side, or so in each tile, with a gap between tiles.</summary>
    enum Layout { Rows, Columns, Tiles }

    public static TheoryData<SimdWidth> Assembled => [SimdWidth.V256, SimdWidth.V512];

    [Theory]
    [MemberData(nameof(Assembled))]
    public void Assembled_tiles_are_the_compiled_ones(SimdWidth width)
    {
        Assert.SkipUnless(width <= SimdWidths.Widest, $"This processor has no {(int)width}-bit vectors.");
        if (width == SimdWidth.V256) Compare<Simd256>();
        else Compare<Simd512>();
    }

    static void Compare<V>() where V : unmanaged, ISimd<V>
    {
        Assert.NotNull(MicroKernel<V>.Assembled);
        for (int columns = 1; columns <= MicroKernel<V>.MaxVectors * V.Count; columns++)
            foreach (int steps in depths)
                foreach (int count in counts)
                    foreach (var layout in Enum.GetValues<Layout>())
                        for (int start = 0; start < 3; start++) Compare<V>(count, columns, steps, layout, start);
    }

    /// <param name="count">Tiles.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="steps">Steps of k.</param>
    /// <param name="layout">Of A.</param>
    /// <param name="start">0: from zero; 1: from a row of biases; 2: from C.</param>
    static void Compare<V>(int count, int columns, int steps, Layout layout, int start) where V : unmanaged, ISimd<V>
    {
        var random = new Random(columns * 1000 + steps);
        const int gap = 5;
        int rows = count * V.TileRows, width = (columns + V.Count - 1) / V.Count * V.Count, cStride = columns + random.Next(0, 9);
        using IFence fence = OperatingSystem.IsLinux() ? new GuardPageFence() : new CanaryFence();
        float* a = Fill(fence.Allocate(rows * steps + (layout == Layout.Tiles ? (count - 1) * gap : 0)), random), b = Fill(fence.Allocate(steps * width), random), bias = Fill(fence.Allocate(columns), random);
        float* first = Fill(fence.Allocate((rows - 1) * cStride + columns), random), second = At(fence.Allocate((rows - 1) * cStride + columns));
        var c = new ReadOnlySpan<float>(first, (rows - 1) * cStride + columns);
        c.CopyTo(new Span<float>(second, c.Length));
        float[] before = c.ToArray();
        var left = layout switch
        {
            Layout.Rows => new LeftTiles(a, rows, steps, 1, V.TileRows * steps),
            Layout.Columns => new LeftTiles(a, rows, 1, rows, V.TileRows),
            _ => new LeftTiles(a, rows, 1, V.TileRows, V.TileRows * steps + gap),
        };

        // A triangle: tiles that each end, or begin, some steps after the one before.
        int apart = count == 1 ? 0 : random.Next((steps - 1) / (count - 1) + 1);
        if (random.Next(2) == 0) left = left with { Without = (count - 1) * apart, Longer = apart };
        else left = left with { Later = apart };

        // What is asked for may be anywhere, in memory that nobody owns, too: it is not read.
        var ahead = new Ahead((byte*)a - 4096, random.Next(-100, 9000), rows: random.Next(0, 3 * count), lines: random.Next(1, 5));
        MicroKernel<V>.Run(count, columns, steps, left, b, start == 0 ? null : start == 1 ? bias : first, start == 1 ? 0 : cStride, first, cStride, ahead);
        for (int tile = 0; tile < count; tile++)
        {
            float* target = second + tile * V.TileRows * cStride;
            int from = tile * left.Later, to = steps - left.Without + tile * left.Longer;
            MicroKernel<V>.RunManaged(columns, to - from, a + tile * left.TileStride + from * left.ColumnStride, left.RowStride, left.ColumnStride, b + from * width, start == 0 ? null : start == 1 ? bias : target, start == 1 ? 0 : cStride, target, cStride);
        }

        string what = $"{count} tiles of {columns} columns, {steps} steps, {left.Later} later, {left.Longer} longer, A by {layout}, start {start}";
        Assert.True(c.SequenceEqual(new ReadOnlySpan<float>(second, c.Length)), what);
        for (int i = 0; i < c.Length; i++)
            if (i % cStride >= columns) Assert.True(c[i] == before[i], $"{what} wrote beside row {i / cStride}.");
        fence.AssertIntact(what);
    }

    static float* At(Storage storage) => (float*)storage.Address;

    static float* Fill(Storage storage, Random random)
    {
        for (long i = 0; i < storage.Length; i++) At(storage)[i] = random.NextSingle() - 0.5f;
        return At(storage);
    }
}
