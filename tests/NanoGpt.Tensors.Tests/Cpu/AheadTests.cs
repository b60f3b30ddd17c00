using NanoGpt.Tensors.Cpu;
using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Kernels;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Tests;

/// <summary>What products ask for ahead is what they read next: no result shows it, so the addresses are looked at.</summary>
public unsafe class AheadTests
{
    [Theory]
    [InlineData(7, 24, 96, 0)]
    [InlineData(3, 5, 1000, 12)]
    [InlineData(48, 384, 384, 0)]
    [InlineData(2, 17, 33, 60)]
    public void Every_element_is_in_a_line_that_is_asked_for(int rows, int columns, int rowStride, int offset)
    {
        var memory = (byte*)0x10000000 + offset;
        var matrix = new MatrixView((float*)memory, rows, columns, rowStride, 1);
        foreach (var ahead in new[] { Ahead.Of(matrix), Ahead.Of(matrix.Transposed) })
        {
            Assert.Equal(rows, ahead.Rows);
            Assert.InRange(ahead.Lines, columns / 16, columns / 16 + 2);
            for (int r = 0; r < rows; r++)
            {
                long first = (long)(ahead.Data + r * ahead.Stride) / Ahead.Line, last = ((long)(ahead.Data + r * ahead.Stride) + (ahead.Lines - 1) * Ahead.Line) / Ahead.Line;
                for (int c = 0; c < columns; c++) Assert.InRange((long)matrix.At(r, c) / Ahead.Line, first, last);
            }
        }
    }

    [Theory]
    [InlineData(48, 6)]
    [InlineData(5, 16)]
    [InlineData(0, 3)]
    public void Parts_are_the_whole_in_order(int rows, int parts)
    {
        var whole = new Ahead((byte*)4096, 100, rows, 2);
        byte* at = whole.Data;
        int sum = 0;
        for (int p = 0; p < parts; p++)
        {
            var part = whole.Part(p, parts);
            Assert.True(part.Data == at && part.Lines == 2 && part.Stride == 100);
            at += part.Rows * part.Stride;
            sum += part.Rows;
        }
        Assert.Equal(rows, sum);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void After_a_block_of_A_comes_the_next_in_the_order_of_the_loops(bool columns)
    {
        const int rows = 100, depth = 90, rowBlock = 48, stepBlock = 32;
        var a = columns ? new MatrixView((float*)4096, depth, rows).Transposed : new MatrixView((float*)4096, rows, depth);
        var side = new LeftSide<Simd256, Fp32Format<Simd256>>(a, streamed: true);
        var blocks = new List<(int Row, int Step)>();
        for (int row = 0; row < rows; row += rowBlock)
            for (int step = 0; step < depth; step += stepBlock) blocks.Add((row, step));
        for (int i = 0; i < blocks.Count; i++)
        {
            var (row, step) = blocks[i];
            var next = side.Next(row, Math.Min(row + rowBlock, rows), step, stepBlock, depth);
            if (i + 1 == blocks.Count)
            {
                Assert.Equal(0, next.Rows);
                continue;
            }
            var (nextRow, nextStep) = blocks[i + 1];
            Assert.True(next.Data == (byte*)a.At(nextRow, nextStep), $"block {i}");
            Assert.Equal(columns ? Math.Min(stepBlock, depth - nextStep) : Math.Min(rowBlock, rows - nextRow), next.Rows);
        }
        LeftSide<Simd256, Fp32Format<Simd256>> near = a;
        Assert.Equal(0, near.Next(0, rowBlock, 0, stepBlock, depth).Rows);
    }

    [Fact]
    public void A_panel_of_B_is_asked_for_where_it_lies()
    {
        var b = new MatrixView((float*)4096, 1000, 100);
        var side = RightSide<Simd256, Fp32Format<Simd256>>.AsItIs(b);
        for (int panel = 0; panel < side.Panels.Panels; panel++)
            for (int step = 0; step < b.Rows; step += side.Panels.BlockSize)
            {
                var source = side.Source(step, panel);
                Assert.True(source.Data == (byte*)b.At(step, side.Panels.FirstColumn(panel)));
                Assert.Equal(Math.Min(side.Panels.BlockSize, b.Rows - step), source.Rows);
            }
        Assert.Equal(0, side.Source(side.Panels.BlockSize * (b.Rows / side.Panels.BlockSize + 1), 0).Rows);
        Assert.Equal(0, RightSide<Simd256, Fp32Format<Simd256>>.PackedAt((float*)4096, side.Panels).Source(0, 0).Rows);
    }

    [Theory]
    [InlineData(1536, 384)]
    [InlineData(800, 1000)]
    public void A_packed_panel_of_a_large_B_is_asked_for_where_the_cache_has_room_for_it(int rows, int columns)
    {
        var packed = (float*)0x10000000;
        var side = RightSide<Simd256, Fp32Format<Simd256>>.PackedAt(packed, new(rows, columns));
        Assert.Equal(Caches.SecondLevel >= 2 << 20, side.AsksForPanels);
        for (int panel = 0; panel < side.Panels.Panels; panel++)
            for (int step = 0; step < rows; step += side.Panels.BlockSize)
            {
                var source = side.Source(step, panel);
                if (!side.AsksForPanels)
                {
                    Assert.Equal(0, source.Rows);
                    continue;
                }
                long words = (long)Math.Min(side.Panels.BlockSize, rows - step) * side.Panels.Vectors(panel) * Simd256.Count;
                Assert.True(source.Data == (byte*)(packed + side.Panels.Offset(step, panel)));
                Assert.Equal(source.Stride, source.Lines * Ahead.Line);
                Assert.InRange(source.Rows * source.Stride, words * sizeof(float), words * sizeof(float) + source.Stride);
            }
        Assert.Equal(0, side.Source(side.Panels.BlockSize * (rows / side.Panels.BlockSize + 1), 0).Rows);
    }

    [Fact]
    public void The_second_level_cache_is_as_large_as_the_system_says()
    {
        const string file = "/sys/devices/system/cpu/cpu0/cache/index2/size";
        if (!File.Exists(file) || !System.Runtime.Intrinsics.X86.X86Base.IsSupported) Assert.Skip("This system does not say how large caches are.");
        Assert.Equal(File.ReadAllText(file).Trim(), $"{Caches.SecondLevel >> 10}K");
    }

    [Fact]
    public void Queries_keys_and_values_of_some_positions_are_one_region()
    {
        const int time = 20, heads = 3, size = 16, channels = heads * size, from = 7, to = 12;
        float* qkv = (float*)4096;
        var shape = new AttentionShape(time, heads, size);
        const int item = 4;         // the second head of the second sequence
        var positions = shape.Positions(shape.Part(qkv, item, 0), from, to);
        Assert.Equal(3 * (to - from), positions.Rows);
        for (int i = from; i < to; i++)
            for (int part = 0; part < 3; part++)
            {
                byte* row = positions.Data + ((i - from) * 3 + part) * positions.Stride;
                Assert.True(row == (byte*)(qkv + (time + i) * 3 * channels + part * channels + size), $"position {i}, part {part}");
            }
        Assert.Equal(size * sizeof(float) / Ahead.Line, positions.Lines);
    }
}
