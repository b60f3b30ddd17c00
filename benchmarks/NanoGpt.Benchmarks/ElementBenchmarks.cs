using BenchmarkDotNet.Attributes;
using NanoGpt.Tensors;

namespace NanoGpt.Benchmarks;

/// <summary>Kernels that do little with each element: bytes that must be read and written count, a row's mean and deviation do not.</summary>
public class ElementBenchmarks : KernelBenchmark
{
    Storage x, y, dy, dx, weight, bias, mean, rstd, dWeight, dBias;

    /// <summary>B·T rows.</summary>
    [Params(768, 16384)]
    public int Rows { get; set; }

    [Params(384)]
    public int Channels { get; set; }

    public override Work WorkOf(string benchmark) =>
        Work.OfBytes((double)Rows * Channels * sizeof(float) * (benchmark.EndsWith("Forward", StringComparison.Ordinal) ? 2 : 3));

    protected override void Allocate()
    {
        long count = (long)Rows * Channels;
        (x, y, dy, dx) = (Normal(count), Normal(count), Normal(count), Normal(count));
        (weight, bias, mean, rstd, dWeight, dBias) = (Normal(Channels), Normal(Channels), Normal(Rows), Normal(Rows), Normal(Channels), Normal(Channels));
        LayerNormForward();     // leaves mean and rstd
    }

    [Benchmark]
    public void LayerNormForward() => Device.LayerNormForward(x, weight, bias, y, mean, rstd, Rows, Channels);

    [Benchmark]
    public void LayerNormBackward() => Device.LayerNormBackward(dy, x, weight, mean, rstd, dx, dWeight, dBias, Rows, Channels, accumulate: false);

    [Benchmark]
    public void GeluForward() => Device.GeluForward(x, y);

    [Benchmark]
    public void GeluBackward() => Device.GeluBackward(dy, x, dx, accumulate: false);
}
