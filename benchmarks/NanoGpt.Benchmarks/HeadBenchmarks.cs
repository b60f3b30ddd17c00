using BenchmarkDotNet.Attributes;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Benchmarks;

/// <summary>B·T rows, C channels, V token ids.</summary>
public sealed record HeadSizes(int Rows, int Channels, int Vocabulary)
{
    public override string ToString() => $"{Rows}x{Channels}, V {Vocabulary}";
}

/// <summary>The output projection and its loss, forward and backward in one: three products of 2·rows·C·V operations.</summary>
public class HeadBenchmarks : KernelBenchmark
{
    Storage x, weight, targets, losses, dx, dWeight;

    [Params(Precision.Float32, Precision.BFloat16)]
    public override Precision Precision { get; set; }

    [ParamsSource(nameof(AllSizes))]
    public HeadSizes Sizes { get; set; } = AllSizes[0];

    public static HeadSizes[] AllSizes => [new(16384, 384, 65), new(256, 768, 50304)];

    public override Work WorkOf(string benchmark) => Work.OfOperations(6.0 * Sizes.Rows * Sizes.Channels * Sizes.Vocabulary);

    protected override void Allocate()
    {
        long inputs = (long)Sizes.Rows * Sizes.Channels, weights = (long)Sizes.Vocabulary * Sizes.Channels;
        (x, weight, dx, dWeight, losses) = (Normal(inputs), Normal(weights, 0.02f), Normal(inputs), Normal(weights), Normal(Sizes.Rows));
        targets = Ids(Sizes.Rows, Sizes.Vocabulary);
    }

    [Benchmark]
    public void LinearCrossEntropy() =>
        Device.LinearCrossEntropy(x, weight, targets, losses, dx, dWeight, Sizes.Rows, Sizes.Channels, Sizes.Vocabulary, 1f / Sizes.Rows, accumulate: false);
}
