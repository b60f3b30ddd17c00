using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Tensors.Tests;

/// <summary>What would reach outside of memory is refused by the device.</summary>
public class ContractErrorTests
{
    static readonly float[] five = new float[5];
    static readonly int[] whole = new int[5];

    [Fact]
    public void Copies_of_more_than_there_is_or_has_room()
    {
        using var bench = new Workbench(Devices.Widest, new CanaryFence());
        Storage four = bench.InOut(4), more = bench.InOut(5);
        Assert.Throws<ArgumentException>(() => bench.Device.Read(four, five));
        Assert.Throws<ArgumentException>(() => bench.Device.Write(five, four));
        Assert.Throws<ArgumentException>(() => bench.Device.Write(whole, four));
        Assert.Throws<ArgumentException>(() => bench.Device.Copy(more, four));
        Assert.Throws<ArgumentException>(() => bench.Device.Copy(four, more));
        bench.Judge("A refused copy");
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(7)]
    public void Tokens_that_are_not_in_the_vocabulary(int token)
    {
        using var bench = new Workbench(Devices.Widest, new CanaryFence());
        Storage ids = bench.Ids(2, 7), table = bench.In(7 * 4), positions = bench.In(2 * 4), narrow = bench.Narrow(7 * 4), rows = bench.InOut(2 * 4);
        bench.Device.Write([3, token], ids);
        foreach (var kernel in (Action<Device>[])
            [
                d => d.EmbeddingForward(ids, table, positions, rows, 1, 2, 4),
                d => d.NarrowEmbeddingForward(ids, narrow, narrow, rows, 1, 2, 4, 0),
                d => d.EmbeddingBackward(ids, rows, table, positions, 1, 2, 4),
            ])
            Named(Assert.Throws<ArgumentException>(() => kernel(bench.Device)), token);
    }

    [Fact]
    public void Targets_that_are_not_in_the_vocabulary()
    {
        using var bench = new Workbench(Devices.Widest, new CanaryFence());
        Storage targets = bench.Ids(2, 7), logits = bench.InOut(2 * 7), losses = bench.InOut(2), x = bench.In(2 * 4), weight = bench.In(7 * 4);
        bench.Device.Write([-1, 7], targets);
        Named(Assert.Throws<ArgumentException>(() => bench.Device.CrossEntropy(logits, targets, losses, logits, 2, 7, 1)), 7);
        Named(Assert.Throws<ArgumentException>(() => bench.Device.LinearCrossEntropy(x, weight, targets, losses, default, default, 2, 4, 7, 1, false)), 7);
    }

    [Fact]
    public void Vectors_wider_than_the_widest() => Assert.Throws<ArgumentException>(() => CpuDevice.Create(1, (SimdWidth)((int)SimdWidths.Widest + 128)));

    static void Named(ArgumentException refusal, int token)
    {
        Assert.Contains($"Token {token} ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("vocabulary of 7", refusal.Message, StringComparison.Ordinal);
    }
}
