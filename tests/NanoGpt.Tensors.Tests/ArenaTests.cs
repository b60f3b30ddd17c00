namespace NanoGpt.Tensors.Tests;

public class ArenaTests
{
    [Fact]
    public void Runs_are_aligned_and_do_not_overlap()
    {
        using var arena = new Arena(Devices.Widest);
        var runs = new List<Storage>();
        foreach (long count in (long[])[1, 31, 32, 33, 1000, 1 << 20, 7, 3 << 20, 0, 5]) runs.Add(arena.Allocate(count));
        Assert.All(runs, r => Assert.Equal(0, r.Address % 128));
        var sorted = runs.Where(r => r.Length > 0).OrderBy(r => r.Address).ToArray();
        for (int i = 1; i < sorted.Length; i++) Assert.True(sorted[i].Address >= sorted[i - 1].Address + sorted[i - 1].Length * sizeof(float));
    }

    [Fact]
    public void A_reset_makes_one_block_that_holds_the_same_step()
    {
        using var arena = new Arena(Devices.Widest);
        long[] step = [700_000, 700_000, 5, 2_000_000, 700_000];
        foreach (long count in step) arena.Allocate(count);
        long grown = arena.Capacity;
        arena.Reset();
        long capacity = arena.Capacity;
        Assert.InRange(capacity, step.Sum(), grown);
        var first = step.Select(arena.Allocate).ToArray();
        for (int i = 1; i < first.Length; i++) Assert.True(first[i].Address > first[i - 1].Address, "One block: addresses only rise.");
        arena.Reset();
        Assert.Equal(first, step.Select(arena.Allocate));
        Assert.Equal(capacity, arena.Capacity);
    }

    [Fact]
    public void A_rewind_hands_the_same_memory_out_again()
    {
        using var arena = new Arena(Devices.Widest);
        arena.Allocate(100);
        var mark = arena.Position;
        var first = arena.Allocate(3_000_000);
        arena.Allocate(3_000_000);
        arena.Rewind(mark);
        Assert.Equal(first, arena.Allocate(3_000_000));
    }

    [Fact]
    public void The_gradient_pool_reuses_by_size()
    {
        using var arena = new Arena(Devices.Widest);
        var pool = new GradientPool(arena);
        Storage a = pool.Rent(10), b = pool.Rent(10), c = pool.Rent(20);
        Assert.Equal(3, new[] { a, b, c }.Distinct().Count());
        pool.Return(a);
        pool.Return(c);
        Assert.Equal(c, pool.Rent(20));
        Assert.Equal(a, pool.Rent(10));
        pool.Return(b);
        pool.Clear();
        Assert.NotEqual(b, pool.Rent(10));
    }
}
