namespace NanoGpt.Data.Tests;

public class BatchSamplerTests
{
    static readonly BatchKey Key = new(1337, Split.Train, 10, 2);

    static long[] Offsets(BatchKey key, int rows = 16, long count = 1_003_854, int blockSize = 256) =>
        [.. Enumerable.Range(0, rows).Select(row => BatchSampler.Offset(key, row, count, blockSize))];

    [Fact]
    public void Equal_keys_draw_equal_offsets_in_any_order()
    {
        long[] forwards = Offsets(Key);
        Offsets(Key with { Split = Split.Val }, rows: 5);
        long[] backwards = [.. Enumerable.Range(0, 16).Reverse().Select(row => BatchSampler.Offset(Key, row, 1_003_854, 256)).Reverse()];
        Assert.Equal(forwards, backwards);
    }

    [Fact]
    public void Every_part_of_the_key_changes_the_draw()
    {
        BatchKey[] keys =
        [
            Key, Key with { Seed = 1338 }, Key with { Seed = 1337UL << 32 }, Key with { Split = Split.Val },
            Key with { Step = 11 }, Key with { MicroBatch = 3 }, Key with { Step = 2, MicroBatch = 10 },
        ];
        Assert.Equal(keys.Length * 16, keys.SelectMany(key => Offsets(key, count: 1L << 50)).Distinct().Count());
    }

    [Fact]
    public void Offsets_are_those_of_the_first_release()
    {
        // A change here changes every run that was ever trained.
        Assert.Equal(GoldenOffsets, Offsets(Key, rows: 4));
    }

    static readonly long[] GoldenOffsets = [743742, 517852, 274054, 110215];

    [Fact]
    public void Offsets_are_uniform()
    {
        const int bins = 100, draws = 200_000;
        var histogram = new int[bins];
        for (int step = 0; step < draws / 100; step++)
            foreach (long offset in Offsets(Key with { Step = step }, rows: 100, count: bins + 64, blockSize: 64)) histogram[offset]++;
        double expected = draws / (double)bins;
        double chiSquare = histogram.Sum(n => (n - expected) * (n - expected) / expected);
        Assert.InRange(chiSquare, 61, 149); // 99 degrees of freedom: outside with probability 0.002
    }

    [Fact]
    public void The_first_and_the_last_window_are_drawn_and_none_beyond()
    {
        long[] offsets = [.. Enumerable.Range(0, 100).SelectMany(step => Offsets(Key with { Step = step }, count: 13, blockSize: 8))];
        Assert.Equal([0, 1, 2, 3, 4], offsets.Distinct().Order());
    }

    [Fact]
    public void Offsets_reach_beyond_32_bits()
    {
        Assert.Contains(Offsets(Key, count: 9_000_000_000), offset => offset > uint.MaxValue);
    }

    [Fact]
    public void Data_without_a_whole_window_is_refused()
    {
        Assert.Equal(0, BatchSampler.Offset(Key, 0, 9, 8));
        Assert.Throws<ArgumentOutOfRangeException>(() => BatchSampler.Offset(Key, 0, 8, 8));
    }

    [Theory]
    [InlineData(1000, 10, 1), InlineData(1000, 10, 7), InlineData(111_540, 64, 240), InlineData(12, 11, 5)]
    public void Even_windows_lie_in_order_within_the_text_and_leave_no_gap_wider_than_their_share(long count, int blockSize, int windows)
    {
        long[] offsets = [.. Enumerable.Range(0, windows).Select(i => BatchSampler.EvenOffset(i, windows, count, blockSize))];
        Assert.All(offsets, o => Assert.InRange(o, 0, count - blockSize - 1));
        long share = (count - blockSize + windows - 1) / windows;
        for (int i = 1; i < windows; i++) Assert.InRange(offsets[i] - offsets[i - 1], 0, share);
        Assert.InRange(offsets[0], 0, share);
        Assert.InRange(count - blockSize - offsets[^1], 0, share);
    }
}
