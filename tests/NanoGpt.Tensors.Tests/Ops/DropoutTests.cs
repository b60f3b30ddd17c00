using NanoGpt.Tensors.Cpu;
using static NanoGpt.Tensors.Tests.Operand;

namespace NanoGpt.Tensors.Tests;

public class DropoutTests
{
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Gradients_match_differences(SimdWidth width)
    {
        foreach (var (rows, columns) in ((int, int)[])[(1, 1), (1, 5), (3, 17), (13, 31), (129, 257)])
        {
            var mask = MaskOf(Devices.Of(width), rows * columns, 0.3f);
            GradientCheck.Verify(Devices.Of(width), x => Ops.Dropout(x[0], 0.3f), x => Reference.Mask(x[0], mask), Input(rows, columns));
        }
    }

    [Theory]
    [InlineData(0.1f)]
    [InlineData(0.2f)]
    [InlineData(0.5f)]
    [InlineData(0.9f)]
    public void The_expected_share_is_kept_and_scaled_up(float probability)
    {
        const int count = 1_000_000;
        var mask = MaskOf(Devices.Widest, count, probability);
        float factor = 1 / (1 - probability);
        Assert.All(mask.Distinct(), m => Assert.True(m == 0 || m == factor));
        double kept = mask.Count(m => m != 0) / (double)count;
        double deviation = Math.Sqrt(probability * (1 - probability) / count);
        Assert.Equal(1 - probability, kept, 5 * deviation);

        // Neighbours are independent: both kept as often as the product says.
        double both = Enumerable.Range(0, count - 1).Count(i => mask[i] != 0 && mask[i + 1] != 0) / (count - 1.0);
        Assert.Equal((1 - probability) * (1 - probability), both, 6 * deviation);
    }

    [Fact]
    public void Masks_are_the_same_at_every_width_and_number_of_threads()
    {
        var expected = MaskOf(Devices.Of(SimdWidth.Scalar, threads: 1), 40_003, 0.25f);
        foreach (int threads in (int[])[1, 2, 3])
            Assert.Equal(expected, MaskOf(Devices.Of(SimdWidths.Widest, threads), 40_003, 0.25f));
    }

    [Fact]
    public void Iterations_micro_batches_operations_and_seeds_have_masks_of_their_own()
    {
        var device = Devices.Widest;
        var masks = new List<float[]>();
        foreach (ulong seed in (ulong[])[1, 2])
            foreach (long iteration in (long[])[0, 1, 2])
                foreach (int microBatch in (int[])[0, 1])
                {
                    using var tape = new Tape(device, seed) { Recording = true };
                    tape.Reset(iteration, microBatch);
                    var ones = Ones(tape, 4096);
                    masks.Add(Ops.Dropout(ones, 0.5f).ToArray());
                    masks.Add(Ops.Dropout(ones, 0.5f).ToArray());
                }

        for (int i = 0; i < masks.Count; i++)
            for (int j = 0; j < i; j++)
            {
                double agreeing = masks[i].Zip(masks[j], (a, b) => a == b).Count(same => same) / 4096.0;
                Assert.Equal(0.5, agreeing, 0.05);
            }
    }

    [Fact]
    public void A_mask_comes_back_when_its_step_does()
    {
        using var tape = new Tape(Devices.Widest, seed: 5) { Recording = true };
        float[] At(long iteration, int microBatch)
        {
            tape.Reset(iteration, microBatch);
            return Ops.Dropout(Ones(tape, 1000), 0.5f).ToArray();
        }

        var first = At(17, 3);
        Assert.NotEqual(first, At(18, 3));
        Assert.Equal(first, At(17, 3));
    }

    [Fact]
    public void Without_recording_or_probability_it_is_the_input_itself()
    {
        using var tape = new Tape(Devices.Widest);
        tape.Reset();
        var x = Ones(tape, 8);
        Assert.Same(x, Ops.Dropout(x, 0.5f));
        tape.Recording = true;
        Assert.Same(x, Ops.Dropout(x, 0));
    }

    /// <summary>The mask that <see cref="GradientCheck"/>'s first random operation draws: dropout of ones.</summary>
    static float[] MaskOf(Device device, int count, float probability)
    {
        using var tape = new Tape(device, GradientCheck.Seed) { Recording = true };
        tape.Reset(GradientCheck.Iteration);
        return Ops.Dropout(Ones(tape, count), probability).ToArray();
    }

    static Tensor Ones(Tape tape, int count) => tape.Input([.. Enumerable.Repeat(1f, count)], new Shape(count));
}
