using System.Runtime.InteropServices;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Models.Tests;

/// <summary>Whole training steps with products in bf16.</summary>
public class Bf16TrainingTests
{
    const int Batch = 6, Time = 64;

    static readonly GptConfig config = new(BlockSize: Time, VocabSize: 65, NLayer: 2, NHead: 3, NEmbd: 99, Dropout: 0.1, Bias: true);

    [Theory]
    [InlineData(SimdWidth.Scalar)]
    [InlineData(SimdWidth.V128)]
    [InlineData(SimdWidth.V256)]
    [InlineData(SimdWidth.V512)]
    public void Training_gives_the_same_bits_with_any_number_of_threads(SimdWidth width)
    {
        Assert.SkipUnless(width <= SimdWidths.Widest, $"This processor has no {(int)width}-bit vectors.");
        var expected = Train(3, 1, width, Precision.BFloat16);
        foreach (int threads in (int[])[2, 3, 5])
        {
            var actual = Train(3, threads, width, Precision.BFloat16);
            Assert.Equal(expected.Losses, actual.Losses);
            Assert.True(Bits(expected.Grads).SequenceEqual(Bits(actual.Grads)), $"Gradients differ with {threads} threads.");
            Assert.True(Bits(expected.Values).SequenceEqual(Bits(actual.Values)), $"Parameters differ with {threads} threads.");
        }
    }

    /// <summary>Weights, norms, softmax and the optimizer stay fp32, so a loss that falls by half stays within 1%.</summary>
    [Fact]
    public void The_loss_follows_that_of_fp32()
    {
        const int steps = 120;
        float[] expected = Train(steps, 2, SimdWidths.Widest, Precision.Float32).Losses, actual = Train(steps, 2, SimdWidths.Widest, Precision.BFloat16).Losses;
        Assert.True(expected[^1] < 0.6 * expected[0], $"The loss went from {expected[0]} to {expected[^1]} only.");
        for (int step = 0; step < steps; step++) Assert.InRange(actual[step], 0.99 * expected[step], 1.01 * expected[step]);
        Assert.NotEqual(expected[^1], actual[^1]);
    }

    /// <summary>On sequences in which each token says what follows: the losses, then the parameters and the last gradients.</summary>
    static (float[] Losses, float[] Values, float[] Grads) Train(int steps, int threads, SimdWidth width, Precision precision)
    {
        using var device = CpuDevice.Create(threads, width, precision);
        using var trainee = new Trainee(device, config);
        var random = new Random(1);
        var losses = new float[steps];
        for (int step = 0; step < steps; step++)
        {
            // Seven times a token plus zero, one or two.
            var ids = new int[Batch * Time + 1];
            ids[0] = random.Next(65);
            for (int i = 1; i < ids.Length; i++) ids[i] = (7 * ids[i - 1] + random.Next(3)) % 65;
            losses[step] = trainee.ForwardBackward(ids.AsSpan(0, Batch * Time), ids.AsSpan(1, Batch * Time), microBatches: 1, Batch, Time);
            trainee.Update(2e-3);
        }
        return (losses, Trainee.Read(device, trainee.Store.Values), Trainee.Read(device, trainee.Store.Grads));
    }

    static ReadOnlySpan<byte> Bits(float[] values) => MemoryMarshal.AsBytes(values.AsSpan());
}
