using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Tensors.Tests;

public class OptimizerKernelTests
{
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void AdamW_follows_its_formula_over_many_steps(SimdWidth width)
    {
        const int count = 16_384 + 21, steps = 12;
        const double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, decay = 0.1;
        var device = Devices.Of(width);
        using var fence = new CanaryFence();
        Storage values = fence.Allocate(count), grads = fence.Allocate(count), m = fence.Allocate(count), v = fence.Allocate(count), schedule = fence.Allocate(4);
        float[] start = RandomValues.Normal(count, seed: 1);
        double[] x = [.. start.Select(e => (double)e)], first = new double[count], second = new double[count];
        device.Write(start, values);
        device.Fill(m, 0);
        device.Fill(v, 0);

        for (int t = 1; t <= steps; t++)
        {
            var g = RandomValues.Normal(count, seed: 10 + t, std: 0.01);
            double rate = 1e-2 / t, scale = 0.5 + 0.1 * t, c1 = 1 / (1 - Math.Pow(beta1, t)), c2 = 1 / (1 - Math.Pow(beta2, t));
            device.Write(g, grads);
            device.Write([(float)rate, (float)scale, (float)c1, (float)c2], schedule);
            device.AdamW(values, grads, m, v, schedule, (float)beta1, (float)beta2, (float)epsilon, (float)decay);
            for (int i = 0; i < count; i++)
            {
                first[i] = beta1 * first[i] + (1 - beta1) * scale * g[i];
                second[i] = beta2 * second[i] + (1 - beta2) * scale * g[i] * scale * g[i];
                x[i] = x[i] * (1 - rate * decay) - rate * (first[i] * c1) / (Math.Sqrt(second[i] * c2) + epsilon);
            }
        }

        var actual = new float[count];
        device.Read(values, actual);
        Closeness.Assert(x, actual, 1e-6, "values");
        device.Read(m, actual);
        Closeness.Assert(first, actual, 1e-6, "m");
        device.Read(v, actual);
        Closeness.Assert(second, actual, 2e-6, "v");
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Sum_of_squares_and_mean_are_exact_to_fp32(SimdWidth width)
    {
        var device = Devices.Of(width);
        foreach (int count in (int[])[1, 3, 17, 511, 513, 65_537, 1_000_003])
        {
            using var fence = new CanaryFence();
            Storage x = fence.Allocate(count), result = fence.Allocate(1);
            var values = RandomValues.Normal(count, seed: count);
            device.Write(values, x);
            double squares = values.Sum(e => (double)e * e), mean = values.Sum(e => (double)e) / count;

            device.Fill(result, 10);
            device.SumOfSquares(x, result);
            Assert.Equal(squares, Read(device, result), 5e-7 * squares);
            device.Mean(x, result);
            Assert.Equal(mean, Read(device, result), 1e-7);
        }
    }

    /// <summary>A million squares in fp32, one after the other, would lose the small ones.</summary>
    [Fact]
    public void Small_squares_are_not_lost_beside_large_ones()
    {
        var device = Devices.Widest;
        using var fence = new CanaryFence();
        Storage x = fence.Allocate(4_000_001), result = fence.Allocate(1);
        device.Fill(x, 1e-2f);
        device.Fill(x.Slice(0, 1), 1e3f);
        device.SumOfSquares(x, result);
        Assert.Equal(1e6 + 400, Read(device, result), 0.1);
    }

    static float Read(Device device, Storage storage)
    {
        var value = new float[1];
        device.Read(storage, value);
        return value[0];
    }
}
