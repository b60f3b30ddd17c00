using NanoGpt.Tensors.Cpu;
using static NanoGpt.Tensors.Tests.Operand;

namespace NanoGpt.Tensors.Tests;

public class CausalAttentionTests
{
    static readonly (int Batch, int Time, int Heads, int HeadSize)[] sizes =
        [(1, 1, 1, 1), (2, 1, 3, 4), (1, 5, 2, 3), (2, 8, 2, 50), (1, 9, 2, 7), (3, 17, 1, 1), (2, 17, 3, 16), (1, 33, 1, 17), (1, 64, 2, 8), (1, 100, 2, 5), (2, 130, 1, 33)];

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Gradients_match_differences(SimdWidth width)
    {
        foreach (var (batch, time, heads, headSize) in sizes)
            GradientCheck.Verify(Devices.Of(width),
                x => Ops.CausalAttention(x[0], heads, dropout: 0),
                x => Reference.CausalAttention(x[0], time, heads, headSize),
                Input(batch, time, 3 * heads * headSize));
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Gradients_match_differences_with_dropout(SimdWidth width)
    {
        foreach (var (batch, time, heads, headSize) in sizes)
        {
            var mask = MaskOf(Devices.Of(width), batch, time, heads, headSize, 0.3f);
            GradientCheck.Verify(Devices.Of(width),
                x => Ops.CausalAttention(x[0], heads, dropout: 0.3f),
                x => Reference.CausalAttention(x[0], time, heads, headSize, mask),
                Input(batch, time, 3 * heads * headSize));
        }
    }

    [Fact]
    public void The_mask_keeps_the_expected_share_and_differs_between_heads_and_sequences()
    {
        const int batch = 2, time = 100, heads = 3, headSize = 20, pairs = time * (time + 1) / 2;
        var mask = MaskOf(Devices.Widest, batch, time, heads, headSize, 0.25f);
        var planes = mask.Chunk(time * time).ToArray();
        foreach (var plane in planes)
            Assert.Equal(0.75, plane.Where((_, i) => i % time <= i / time).Count(m => m != 0) / (double)pairs, 0.03);
        for (int i = 0; i < planes.Length; i++)
            for (int j = 0; j < i; j++)
                Assert.NotEqual(planes[i], planes[j]);
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Large_scores_neither_overflow_nor_lose_the_gradient(SimdWidth width)
    {
        const int time = 40, heads = 1, headSize = 8;
        using var tape = new Tape(Devices.Of(width)) { Recording = true };
        tape.Reset();
        // Scores up to thousands: exp must only ever see differences to the largest.
        float[] qkv = [.. RandomValues.Normal(time * 3 * headSize, seed: 4, std: 60)];
        var x = tape.Input(qkv, new Shape(1, time, 3 * headSize));
        var y = Ops.CausalAttention(x, heads, dropout: 0);
        tape.Backward(y);
        var expected = Attend([.. qkv.Select(v => (double)v)], time, headSize);
        Closeness.Assert(expected, y.ToArray(), 1e-3, "y");
        var gradient = new float[qkv.Length];
        tape.Device.Read(x.Grad, gradient);
        Assert.All(gradient, g => Assert.True(float.IsFinite(g)));
    }

    /// <summary>One head, with the largest score taken out, which <see cref="Reference"/> has no need of.</summary>
    static double[] Attend(double[] qkv, int time, int d)
    {
        var y = new double[time * d];
        for (int i = 0; i < time; i++)
        {
            var scores = Enumerable.Range(0, i + 1)
                .Select(j => Enumerable.Range(0, d).Sum(c => qkv[i * 3 * d + c] * qkv[j * 3 * d + d + c]) / Math.Sqrt(d)).ToArray();
            double max = scores.Max(), sum = scores.Sum(s => Math.Exp(s - max));
            for (int j = 0; j <= i; j++)
                for (int c = 0; c < d; c++) y[i * d + c] += Math.Exp(scores[j] - max) / sum * qkv[j * 3 * d + 2 * d + c];
        }
        return y;
    }

    /// <summary>
    /// The mask (B, heads, T, T) that <see cref="GradientCheck"/>'s first random operation draws. With q = k = 0 the weights
    /// are 1 / (i + 1); with values that are columns of the identity they come out as they are, as many keys at a time as a
    /// head has channels.
    /// </summary>
    static float[] MaskOf(Device device, int batch, int time, int heads, int headSize, float dropout)
    {
        int channels = heads * headSize;
        var mask = new float[batch * heads * time * time];
        using var tape = new Tape(device, GradientCheck.Seed) { Recording = true };
        for (int j0 = 0; j0 < time; j0 += headSize)
        {
            int keys = Math.Min(headSize, time - j0);
            var qkv = new float[batch * time * 3 * channels];
            for (int b = 0; b < batch; b++)
                for (int h = 0; h < heads; h++)
                    for (int c = 0; c < keys; c++)
                        qkv[(b * time + j0 + c) * 3 * channels + 2 * channels + h * headSize + c] = 1;

            tape.Reset(GradientCheck.Iteration);
            var y = Ops.CausalAttention(tape.Input(qkv, new Shape(batch, time, 3 * channels)), heads, dropout).ToArray();
            for (int b = 0; b < batch; b++)
                for (int h = 0; h < heads; h++)
                    for (int i = 0; i < time; i++)
                        for (int c = 0; c < keys; c++)
                        {
                            float factor = y[(b * time + i) * channels + h * headSize + c] * (i + 1);
                            mask[((b * heads + h) * time + i) * time + j0 + c] = factor < 0.5f ? 0 : 1 / (1 - dropout);
                            if (factor >= 0.5f) Assert.Equal(1 / (1 - dropout), factor, 1e-5f);
                            else Assert.Equal(0, factor);
                        }
        }
        return mask;
    }
}
