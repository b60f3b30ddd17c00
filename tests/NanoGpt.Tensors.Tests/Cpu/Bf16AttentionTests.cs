using NanoGpt.Tensors.Cpu;
using NanoGpt.Tensors.Cpu.Kernels;
using NanoGpt.Tensors.Cpu.Simd;
using static NanoGpt.Tensors.Tests.Operand;

namespace NanoGpt.Tensors.Tests;

/// <summary>
/// Causal attention in bf16. Against q, k, v and dy rounded beforehand, what remains is the rounding of what attention itself
/// makes and multiplies, the probabilities P and their gradients dS:
/// <code>
/// |y error| ≤ 2⁻⁸·Σ_j P|v|,   |dq error| ≤ 2⁻⁸·Σ_j |dS·k|,   |dk error| ≤ 2⁻⁸·Σ_i |dS·q|,   |dv error| ≤ 2⁻⁸·Σ_i |P·dy|
/// </code>
/// and fp32's share: 10⁻⁵ of the terms' sizes before they cancel. Sequences of a few positions are not multiplied as matrices, and nothing of them is
/// rounded.
/// </summary>
public class Bf16AttentionTests
{
    const double Fp32Share = 1e-5;

    static readonly (int Batch, int Time, int Heads, int HeadSize)[] sizes =
    [
        (1, 1, 1, 1), (2, 1, 2, 3), (1, 2, 1, 1), (2, 8, 2, 50), (1, 9, 2, 7), (1, 17, 1, 5), (1, 31, 2, 8), (2, 32, 1, 16), (1, 33, 2, 17), (2, 63, 1, 33), (1, 65, 3, 32), (1, 100, 1, 47), (1, 129, 1, 64),
    ];

    [Theory, MemberData(nameof(Bf16.Paths), MemberType = typeof(Bf16))]
    public void Outputs_and_gradients_are_those_of_rounded_operands(Bf16Path path)
    {
        foreach (var (batch, time, heads, headSize) in sizes) Verify(Bf16.Device(path), batch, time, heads, headSize, accumulate: time % 2 == 0);
        var random = new Random(5);
        for (int n = 0; n < 10; n++) Verify(Bf16.Device(path), random.Next(1, 3), random.Next(1, 110), random.Next(1, 4), random.Next(1, 50), accumulate: n % 2 == 0);
    }

    /// <summary>More than a block of k (1,024) of keys.</summary>
    [Theory]
    [InlineData(Bf16Path.Tiles)]
    [InlineData(Bf16Path.Instruction)]
    [InlineData(Bf16Path.Rounded512)]
    public void Long_sequences_hold_the_same_bounds(Bf16Path path) => Verify(Bf16.Device(path), batch: 1, time: 1091, heads: 1, headSize: 5, accumulate: false);

    [Theory, MemberData(nameof(Bf16.Paths), MemberType = typeof(Bf16))]
    public void Gradients_match_differences_to_bf16(Bf16Path path)
    {
        foreach (var (batch, time, heads, headSize) in ((int, int, int, int)[])[(1, 1, 1, 1), (1, 5, 2, 3), (2, 17, 3, 16), (1, 33, 1, 17), (1, 64, 2, 8)])
            GradientCheck.Verify(Bf16.Device(path),
                x => Ops.CausalAttention(x[0], heads, dropout: 0),
                x => Reference.CausalAttention(x[0], time, heads, headSize),
                8 * Bf16.Unit, Input(batch, time, 3 * heads * headSize));
    }

    static void Verify(CpuDevice device, int batch, int time, int heads, int headSize, bool accumulate)
    {
        string what = $"B{batch} T{time} H{heads} d{headSize}{(accumulate ? ", accumulated" : "")}";
        int channels = heads * headSize;
        float[] qkv = RandomValues.Normal((long)batch * time * 3 * channels, 1), dy = RandomValues.Normal((long)batch * time * channels, 2), before = RandomValues.Normal(qkv.Length, 3);
        using var fence = new CanaryFence();
        Storage sQkv = fence.Allocate(qkv.Length), sDy = fence.Allocate(dy.Length), sY = fence.Allocate(dy.Length), lse = fence.Allocate(batch * heads * time), sDqkv = fence.Allocate(qkv.Length);
        device.Write(qkv, sQkv);
        device.Write(dy, sDy);
        device.Write(before, sDqkv);
        device.AttentionForward(sQkv, sY, lse, batch, time, heads, headSize, 0, default);
        device.AttentionBackward(sDy, sQkv, sY, lse, sDqkv, batch, time, heads, headSize, 0, default, accumulate);
        fence.AssertIntact(what);

        var expected = new Expected(qkv, dy, device.ReadAll(sY), batch, time, heads, headSize);
        if (accumulate) expected.AddTo(before);
        Bounds.Assert(expected.Y, expected.YBound, device.ReadAll(sY), $"y of {what}");
        Bounds.Assert(expected.LogSumExp, [.. expected.LogSumExp.Select(l => 2e-6 * (1 + Math.Abs(l)))], device.ReadAll(lse), $"logSumExp of {what}");
        Bounds.Assert(expected.Gradient, expected.GradientBound, device.ReadAll(sDqkv), $"dqkv of {what}");
    }

    /// <summary>Both directions in double precision from rounded q, k, v and dy, with the bound of every element.</summary>
    sealed class Expected
    {
        public double[] Y { get; }
        public double[] YBound { get; }
        public double[] LogSumExp { get; }
        public double[] Gradient { get; }
        public double[] GradientBound { get; }

        /// <param name="y">What the device made of the way forward: D = dy·y is formed from it, unrounded.</param>
        public Expected(float[] qkv, float[] dy, float[] y, int batch, int time, int heads, int headSize)
        {
            int channels = heads * headSize;
            double scale = 1 / Math.Sqrt(headSize);
            bool rounded = time > ShortAttentionForward<SimdScalar>.MaxTime;
            double[] r = rounded ? Bf16.Nearest(qkv) : [.. qkv.Select(v => (double)v)], rdy = rounded ? Bf16.Nearest(dy) : [.. dy.Select(v => (double)v)];
            (Y, YBound, LogSumExp) = (new double[dy.Length], new double[dy.Length], new double[batch * heads * time]);
            (Gradient, GradientBound) = (new double[qkv.Length], new double[qkv.Length]);
            for (int b = 0; b < batch; b++)
                for (int h = 0; h < heads; h++)
                    for (int i = 0; i < time; i++)
                    {
                        int Out(int t, int d) => (b * time + t) * channels + h * headSize + d;
                        int In(int t, int part, int d) => ((b * time + t) * 3 + part) * channels + h * headSize + d;
                        var score = new double[i + 1];
                        for (int j = 0; j <= i; j++)
                            for (int d = 0; d < headSize; d++) score[j] += scale * r[In(i, 0, d)] * r[In(j, 1, d)];
                        double lse = LogSumExp[(b * heads + h) * time + i] = Math.Log(score.Sum(Math.Exp)), dot = 0, dotSize = 0;
                        for (int d = 0; d < headSize; d++)
                        {
                            dot += (double)dy[Out(i, d)] * y[Out(i, d)];
                            dotSize += Math.Abs((double)dy[Out(i, d)] * y[Out(i, d)]);
                        }
                        for (int j = 0; j <= i; j++)
                        {
                            double p = Math.Exp(score[j] - lse), dp = 0, dpSize = 0;
                            for (int d = 0; d < headSize; d++)
                            {
                                dp += rdy[Out(i, d)] * r[In(j, 2, d)];
                                dpSize += Math.Abs(rdy[Out(i, d)] * r[In(j, 2, d)]);
                            }
                            double ds = p * (dp - dot) * scale;
                            double pBound = (Bf16.Unit + Fp32Share) * p, dsBound = Bf16.Unit * Math.Abs(ds) + Fp32Share * p * (dpSize + dotSize) * scale;
                            for (int d = 0; d < headSize; d++)
                            {
                                Add(Y, YBound, Out(i, d), p, pBound, r[In(j, 2, d)]);
                                Add(Gradient, GradientBound, In(i, 0, d), ds, dsBound, r[In(j, 1, d)]);
                                Add(Gradient, GradientBound, In(j, 1, d), ds, dsBound, r[In(i, 0, d)]);
                                Add(Gradient, GradientBound, In(j, 2, d), p, pBound, rdy[Out(i, d)]);
                            }
                        }
                    }
        }

        static void Add(double[] sums, double[] bounds, int at, double factor, double factorBound, double value)
        {
            sums[at] += factor * value;
            bounds[at] += factorBound * Math.Abs(value);
        }

        /// <summary>Adds what was in the destination of the gradient.</summary>
        public void AddTo(float[] before)
        {
            for (int i = 0; i < before.Length; i++)
            {
                Gradient[i] += before[i];
                GradientBound[i] += 1e-6 * Math.Abs(before[i]);
            }
        }
    }
}
