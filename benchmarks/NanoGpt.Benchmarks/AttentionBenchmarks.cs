using BenchmarkDotNet.Attributes;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Benchmarks;

/// <summary>B sequences of T tokens, H heads of size d.</summary>
public sealed record AttentionSizes(int Batch, int Heads, int Time, int HeadSize)
{
    public override string ToString() => $"B{Batch} H{Heads} T{Time} d{HeadSize}";
}

/// <summary>
/// Causal attention. Counted are the products of the causal half alone: 2·d operations for each pair of positions and product,
/// T·(T + 1)/2 pairs, two products forward (q·kᵀ, P·v), five backward (q·kᵀ again, dy·vᵀ, dS·k, dSᵀ·q, Pᵀ·dy).
/// </summary>
public class AttentionBenchmarks : KernelBenchmark
{
    Storage qkv, y, logSumExp, dy, dqkv;

    [Params(Precision.Float32, Precision.BFloat16)]
    public override Precision Precision { get; set; }

    [ParamsSource(nameof(AllSizes))]
    public AttentionSizes Sizes { get; set; } = AllSizes[0];

    public static AttentionSizes[] AllSizes => [new(12, 4, 64, 32), new(8, 6, 256, 64), new(4, 12, 1024, 64)];

    public override Work WorkOf(string benchmark)
    {
        double product = (double)Sizes.Batch * Sizes.Heads * Sizes.HeadSize * Sizes.Time * (Sizes.Time + 1);
        return Work.OfOperations((benchmark == nameof(AttentionForward) ? 2 : 5) * product);
    }

    protected override void Allocate()
    {
        long outputs = (long)Sizes.Batch * Sizes.Time * Sizes.Heads * Sizes.HeadSize;
        (qkv, y, logSumExp, dy, dqkv) = (Normal(3 * outputs), Normal(outputs), Normal((long)Sizes.Batch * Sizes.Heads * Sizes.Time), Normal(outputs), Normal(3 * outputs));
        AttentionForward();     // the way back needs what the way forward leaves
    }

    [Benchmark]
    public void AttentionForward() =>
        Device.AttentionForward(qkv, y, logSumExp, Sizes.Batch, Sizes.Time, Sizes.Heads, Sizes.HeadSize, 0, default);

    [Benchmark]
    public void AttentionBackward() =>
        Device.AttentionBackward(dy, qkv, y, logSumExp, dqkv, Sizes.Batch, Sizes.Time, Sizes.Heads, Sizes.HeadSize, 0, default, accumulate: false);
}
