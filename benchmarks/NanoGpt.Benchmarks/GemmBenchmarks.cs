using BenchmarkDotNet.Attributes;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Benchmarks;

/// <summary>A linear layer: so many rows (B·T), outputs and inputs.</summary>
public sealed record LinearShape(int Rows, int Outputs, int Inputs)
{
    public override string ToString() => $"{Rows}x{Outputs}x{Inputs}";
}

/// <summary>The operands of a linear layer and of its way back.</summary>
public sealed record LinearOperands(Storage X, Storage Weight, Storage Y, Storage Dy, Storage Dx, Storage DWeight);

/// <summary>The three products of a linear layer: 2·rows·outputs·inputs operations each.</summary>
public class GemmBenchmarks : KernelBenchmark
{
    /// <summary>So many bytes of operands in turn are in no cache when their turn comes again.</summary>
    const long BeyondCaches = 128 << 20;

    LinearOperands[] sets = [];
    int turn;

    [Params(Precision.Float32, Precision.BFloat16)]
    public override Precision Precision { get; set; }

    [ParamsSource(nameof(Shapes))]
    public LinearShape Shape { get; set; } = Shapes[0];

    /// <summary>Whether operands come from memory, as in a step, where other kernels were at work since they were written, or from the caches that the last call left them in.</summary>
    [Params(false, true)]
    public bool FromMemory { get; set; }

    /// <summary>The first layers of the MLPs of a small, a middling and GPT-2's model, the last also with few rows, and with one, as when it generates.</summary>
    public static LinearShape[] Shapes => [new(768, 512, 128), new(16384, 1536, 384), new(4096, 3072, 768), new(256, 3072, 768), new(1, 3072, 768)];

    public override Work WorkOf(string benchmark) => Work.OfOperations(2.0 * Shape.Rows * Shape.Outputs * Shape.Inputs);

    protected override void Allocate()
    {
        long inputs = (long)Shape.Rows * Shape.Inputs, outputs = (long)Shape.Rows * Shape.Outputs, weights = (long)Shape.Outputs * Shape.Inputs;
        long bytes = 2 * (inputs + outputs + weights) * sizeof(float);
        sets = [.. Enumerable.Range(0, FromMemory ? (int)(BeyondCaches / bytes) + 2 : 1).Select(_ =>
            new LinearOperands(Normal(inputs), Normal(weights), Normal(outputs), Normal(outputs), Normal(inputs), Normal(weights)))];
    }

    [Benchmark]
    public void LinearForward()
    {
        var s = Next();
        Device.LinearForward(s.X, s.Weight, default, s.Y, Shape.Rows, Shape.Inputs, Shape.Outputs);
    }

    [Benchmark]
    public void LinearBackwardInput()
    {
        var s = Next();
        Device.LinearBackwardInput(s.Dy, s.Weight, s.Dx, Shape.Rows, Shape.Inputs, Shape.Outputs, accumulate: false);
    }

    [Benchmark]
    public void LinearBackwardWeight()
    {
        var s = Next();
        Device.LinearBackwardWeight(s.Dy, s.X, s.DWeight, default, Shape.Rows, Shape.Inputs, Shape.Outputs, accumulate: false);
    }

    LinearOperands Next() => sets[turn++ % sets.Length];
}
