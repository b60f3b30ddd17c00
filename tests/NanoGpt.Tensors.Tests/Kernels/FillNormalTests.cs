using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Tensors.Tests;

public class FillNormalTests
{
    [Fact]
    public void Mean_variance_and_tails_are_those_of_the_normal_distribution()
    {
        const int count = 1_000_000;
        const double std = 0.02;
        var x = Normal(Devices.Widest, count, seed: 1, stream: 2).Select(v => v / std).ToArray();
        Assert.Equal(0, x.Average(), 5 / Math.Sqrt(count));
        Assert.Equal(1, x.Average(v => v * v), 5 * Math.Sqrt(2.0 / count));
        Assert.Equal(0, x.Average(v => v * v * v), 5 * Math.Sqrt(15.0 / count));
        Assert.Equal(3, x.Average(v => v * v * v * v), 5 * Math.Sqrt(96.0 / count));
        foreach (var (beyond, share) in ((double, double)[])[(1, 0.3173105), (2, 0.0455003), (3, 0.0026998), (4, 6.334e-5)])
            Assert.Equal(share, x.Count(v => Math.Abs(v) > beyond) / (double)count, 5 * Math.Sqrt(share / count));

        // The four numbers of one draw do not know each other.
        for (int lag = 1; lag <= 4; lag++)
            Assert.Equal(0, Enumerable.Range(0, count - lag).Average(i => x[i] * x[i + lag]), 5 / Math.Sqrt(count));
    }

    [Fact]
    public void Values_depend_on_seed_stream_and_index_alone()
    {
        var expected = Normal(Devices.Of(SimdWidth.Scalar, threads: 1), 100_003, seed: 1, stream: 2);
        Assert.Equal(expected, Normal(Devices.Of(SimdWidths.Widest, threads: 3), 100_003, seed: 1, stream: 2));
        Assert.Equal(expected[..17], Normal(Devices.Widest, 17, seed: 1, stream: 2));
        Assert.NotEqual(expected, Normal(Devices.Widest, 100_003, seed: 2, stream: 2));
        Assert.NotEqual(expected, Normal(Devices.Widest, 100_003, seed: 1, stream: 3));
    }

    static float[] Normal(CpuDevice device, int count, ulong seed, uint stream)
    {
        var storage = device.Allocate(count);
        device.FillNormal(storage, 0.02f, seed, stream);
        var values = new float[count];
        device.Read(storage, values);
        device.Free(storage);
        return values;
    }
}
