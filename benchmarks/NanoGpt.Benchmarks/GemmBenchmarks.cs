using BenchmarkDotNet.Attributes;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Benchmarks;

/// <summary>A linear layer: so many rows (B·T), outputs and inputs.</summary>
public sealed record LinearShape(int Rows, int Outputs, int Inputs)
{
    public override string ToString() => $"{Rows}x{Outputs}x{Inputs}";
}

/// <summary>The three products of a linear layer: 2·rows·outputs·inputs operations each.</summary>
public class GemmBenchmarks : KernelBenchmark
{
    Storage x, weight, y, dy, dx, dWeight;

    [Params(Precision.Float32, Precision.BFloat16)]
    public override Precision Precision { get; set; }

    [ParamsSource(nameof(Shapes))]
    public LinearShape Shape { get; set; } = Shapes[0];

    /// <summary>The first layers of the MLPs of a small, a middling and GPT-2's model, the last also with few rows, and with one, as when it generates.</summary>
    public static LinearShape[] Shapes => [new(768, 512, 128), new(16384, 1536, 384), new(4096, 3072, 768), new(256, 3072, 768), new(1, 3072, 768)];

    public override Work WorkOf(string benchmark) => Work.OfOperations(2.0 * Shape.Rows * Shape.Outputs * Shape.Inputs);

    protected override void Allocate()
    {
        long inputs = (long)Shape.Rows * Shape.Inputs, outputs = (long)Shape.Rows * Shape.Outputs, weights = (long)Shape.Outputs * Shape.Inputs;
        (x, weight, y, dy, dx, dWeight) = (Normal(inputs), Normal(weights), Normal(outputs), Normal(outputs), Normal(inputs), Normal(weights));
    }

    [Benchmark]
    public void LinearForward() => Device.LinearForward(x, weight, default, y, Shape.Rows, Shape.Inputs, Shape.Outputs);

    [Benchmark]
    public void LinearBackwardInput() => Device.LinearBackwardInput(dy, weight, dx, Shape.Rows, Shape.Inputs, Shape.Outputs, accumulate: false);

    [Benchmark]
    public void LinearBackwardWeight() => Device.LinearBackwardWeight(dy, x, dWeight, default, Shape.Rows, Shape.Inputs, Shape.Outputs, accumulate: false);
}
