using System.Runtime.InteropServices;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Models.Tests;

public class DeterminismTests
{
    /// <summary>Large enough that every kernel has several work items.</summary>
    static readonly GptConfig config = new(BlockSize: 64, VocabSize: 65, NLayer: 2, NHead: 4, NEmbd: 96, Dropout: 0.2, Bias: true);

    [Theory]
    [InlineData(SimdWidth.Scalar)]
    [InlineData(SimdWidth.V128)]
    [InlineData(SimdWidth.V256)]
    [InlineData(SimdWidth.V512)]
    public void Training_gives_the_same_bits_with_any_number_of_threads(SimdWidth width)
    {
        Assert.SkipUnless(width <= SimdWidths.Widest, $"This processor has no {(int)width}-bit vectors.");
        var expected = Train(threads: 1, width);
        foreach (int threads in (int[])[2, 3, 5]) AssertSameBits(expected, Train(threads, width), $"{threads} threads");
    }

    [Fact]
    public void Training_gives_the_same_bits_run_to_run()
    {
        var expected = Train(threads: 2, SimdWidths.Widest);
        for (int run = 0; run < 3; run++) AssertSameBits(expected, Train(threads: 2, SimdWidths.Widest), "another run");
    }

    /// <summary>Of two micro-batches, with dropout: the losses of three steps, then the parameters and the last gradients.</summary>
    static (float[] Losses, float[] Values, float[] Grads) Train(int threads, SimdWidth width)
    {
        using var device = CpuDevice.Create(threads, width);
        using var trainee = new Trainee(device, config);
        var random = new Random(1);
        var losses = new float[3];
        for (int step = 0; step < losses.Length; step++)
        {
            int[] ids = [.. Enumerable.Range(0, 2 * 5 * 64 + 1).Select(_ => random.Next(65))];
            losses[step] = trainee.ForwardBackward(ids.AsSpan(0, 640), ids.AsSpan(1, 640), microBatches: 2, batch: 5, time: 64);
            trainee.Update(1e-3);
        }
        Assert.All(losses, loss => Assert.InRange(loss, 3, 5));
        return (losses, Trainee.Read(device, trainee.Store.Values), Trainee.Read(device, trainee.Store.Grads));
    }

    static void AssertSameBits((float[] Losses, float[] Values, float[] Grads) expected, (float[] Losses, float[] Values, float[] Grads) actual, string what)
    {
        Assert.Equal(expected.Losses, actual.Losses);
        Assert.True(Bits(expected.Grads).SequenceEqual(Bits(actual.Grads)), $"Gradients differ with {what}.");
        Assert.True(Bits(expected.Values).SequenceEqual(Bits(actual.Values)), $"Parameters differ with {what}.");
    }

    static ReadOnlySpan<byte> Bits(float[] values) => MemoryMarshal.AsBytes(values.AsSpan());
}
