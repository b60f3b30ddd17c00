using System.Diagnostics;

namespace NanoGpt.Tensors;

/// <summary>What one kernel cost in total.</summary>
/// <param name="Kernel">Its name.</param>
/// <param name="Calls">How often it ran.</param>
/// <param name="Seconds">Time in it.</param>
/// <param name="Flops">Floating-point operations of its matrix products; 0 for the others.</param>
/// <param name="Bytes">Bytes of its operands, each read or written once: the least it must move.</param>
public readonly record struct KernelCost(string Kernel, long Calls, double Seconds, double Flops, double Bytes)
{
    /// <summary>The seconds it would take a machine that computes and moves at such rates all the time: its roofline (Williams et al. 2009).</summary>
    /// <param name="flops">Floating-point operations per second.</param>
    /// <param name="bandwidth">Bytes per second.</param>
    public double Roofline(double flops, double bandwidth) => Math.Max(Flops / flops, Bytes / bandwidth);
}

/// <summary>Any device, with a stopwatch around each kernel: where the time of a step goes, against what it must compute and move.</summary>
public sealed class ProfilingDevice(Device inner) : Device
{
    readonly Dictionary<string, KernelCost> costs = [];

    /// <summary>Costs so far, the dearest first.</summary>
    public IReadOnlyList<KernelCost> Costs => [.. costs.Values.OrderByDescending(c => c.Seconds)];

    /// <summary>Forgets the costs so far.</summary>
    public void Clear() => costs.Clear();

    /// <inheritdoc/>
    public override string Name => inner.Name;

    void Time(string kernel, double flops, double elements, Action run)
    {
        long start = Stopwatch.GetTimestamp();
        run();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        costs.TryGetValue(kernel, out var c);
        costs[kernel] = new(kernel, c.Calls + 1, c.Seconds + seconds, c.Flops + flops, c.Bytes + elements * sizeof(float));
    }

    /// <inheritdoc/>
    public override Storage Allocate(long count) => inner.Allocate(count);
    /// <inheritdoc/>
    public override void Free(Storage storage) => inner.Free(storage);
    /// <inheritdoc/>
    public override void Read(Storage source, Span<float> destination) => inner.Read(source, destination);
    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<float> source, Storage destination) => inner.Write(source, destination);
    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<int> source, Storage destination) => inner.Write(source, destination);

    /// <inheritdoc/>
    public override void Fill(Storage x, float value) => Time(nameof(Fill), 0, x.Length, () => inner.Fill(x, value));
    /// <inheritdoc/>
    public override void Copy(Storage x, Storage y) => Time(nameof(Copy), 0, 2.0 * x.Length, () => inner.Copy(x, y));
    /// <inheritdoc/>
    public override void FillNormal(Storage x, float std, ulong seed, uint stream) => Time(nameof(FillNormal), 0, x.Length, () => inner.FillNormal(x, std, seed, stream));
    /// <inheritdoc/>
    public override void Add(Storage a, Storage b, Storage y) => Time(nameof(Add), 0, 3.0 * y.Length, () => inner.Add(a, b, y));
    /// <inheritdoc/>
    public override void Accumulate(Storage x, Storage y) => Time(nameof(Accumulate), 0, 3.0 * y.Length, () => inner.Accumulate(x, y));
    /// <inheritdoc/>
    public override void Scale(Storage x, float factor, Storage y, bool accumulate) => Time(nameof(Scale), 0, 2.0 * y.Length, () => inner.Scale(x, factor, y, accumulate));
    /// <inheritdoc/>
    public override void Mean(Storage x, Storage result) => Time(nameof(Mean), 0, x.Length, () => inner.Mean(x, result));
    /// <inheritdoc/>
    public override void SumOfSquares(Storage x, Storage result) => Time(nameof(SumOfSquares), 0, x.Length, () => inner.SumOfSquares(x, result));

    /// <inheritdoc/>
    public override void EmbeddingForward(Storage ids, Storage tokens, Storage positions, Storage y, int batch, int time, int channels) =>
        Time(nameof(EmbeddingForward), 0, 3.0 * y.Length, () => inner.EmbeddingForward(ids, tokens, positions, y, batch, time, channels));
    /// <inheritdoc/>
    public override void EmbeddingBackward(Storage ids, Storage dy, Storage dTokens, Storage dPositions, int batch, int time, int channels) =>
        Time(nameof(EmbeddingBackward), 0, 5.0 * dy.Length, () => inner.EmbeddingBackward(ids, dy, dTokens, dPositions, batch, time, channels));

    /// <inheritdoc/>
    public override void LayerNormForward(Storage x, Storage weight, Storage bias, Storage y, Storage mean, Storage rstd, int rows, int channels) =>
        Time(nameof(LayerNormForward), 0, 2.0 * x.Length, () => inner.LayerNormForward(x, weight, bias, y, mean, rstd, rows, channels));
    /// <inheritdoc/>
    public override void LayerNormBackward(Storage dy, Storage x, Storage weight, Storage mean, Storage rstd,
        Storage dx, Storage dWeight, Storage dBias, int rows, int channels, bool accumulate) =>
        Time(nameof(LayerNormBackward), 0, (accumulate ? 4.0 : 3.0) * x.Length,
            () => inner.LayerNormBackward(dy, x, weight, mean, rstd, dx, dWeight, dBias, rows, channels, accumulate));

    /// <inheritdoc/>
    public override void LinearForward(Storage x, Storage weight, Storage bias, Storage y, int rows, int inputs, int outputs) =>
        Time($"{nameof(LinearForward)} {rows}×{outputs}×{inputs}", 2.0 * rows * inputs * outputs, x.Length + weight.Length + y.Length,
            () => inner.LinearForward(x, weight, bias, y, rows, inputs, outputs));
    /// <inheritdoc/>
    public override void LinearBackwardInput(Storage dy, Storage weight, Storage dx, int rows, int inputs, int outputs, bool accumulate) =>
        Time($"{nameof(LinearBackwardInput)} {rows}×{inputs}×{outputs}", 2.0 * rows * inputs * outputs, dy.Length + weight.Length + dx.Length,
            () => inner.LinearBackwardInput(dy, weight, dx, rows, inputs, outputs, accumulate));
    /// <inheritdoc/>
    public override void LinearBackwardWeight(Storage dy, Storage x, Storage dWeight, Storage dBias, int rows, int inputs, int outputs, bool accumulate) =>
        Time($"{nameof(LinearBackwardWeight)} {outputs}×{inputs}×{rows}", 2.0 * rows * inputs * outputs, dy.Length + x.Length + (accumulate ? 2.0 : 1.0) * dWeight.Length,
            () => inner.LinearBackwardWeight(dy, x, dWeight, dBias, rows, inputs, outputs, accumulate));

    /// <inheritdoc/>
    public override void GeluForward(Storage x, Storage y) => Time(nameof(GeluForward), 0, 2.0 * x.Length, () => inner.GeluForward(x, y));
    /// <inheritdoc/>
    public override void GeluBackward(Storage dy, Storage x, Storage dx, bool accumulate) =>
        Time(nameof(GeluBackward), 0, 3.0 * x.Length, () => inner.GeluBackward(dy, x, dx, accumulate));
    /// <inheritdoc/>
    public override void GeluTanhForward(Storage x, Storage y) => Time(nameof(GeluTanhForward), 0, 2.0 * x.Length, () => inner.GeluTanhForward(x, y));
    /// <inheritdoc/>
    public override void GeluTanhBackward(Storage dy, Storage x, Storage dx, bool accumulate) =>
        Time(nameof(GeluTanhBackward), 0, 3.0 * x.Length, () => inner.GeluTanhBackward(dy, x, dx, accumulate));
    /// <inheritdoc/>
    public override void DropoutForward(Storage x, Storage y, float probability, RandomKey random) =>
        Time(nameof(DropoutForward), 0, 2.0 * x.Length, () => inner.DropoutForward(x, y, probability, random));
    /// <inheritdoc/>
    public override void DropoutBackward(Storage dy, Storage dx, float probability, RandomKey random, bool accumulate) =>
        Time(nameof(DropoutBackward), 0, 2.0 * dy.Length, () => inner.DropoutBackward(dy, dx, probability, random, accumulate));

    /// <inheritdoc/>
    public override void AttentionForward(Storage qkv, Storage y, Storage logSumExp, int batch, int time, int heads, int headSize, float dropout, RandomKey random) =>
        Time(nameof(AttentionForward), 2.0 * batch * heads * headSize * time * (time + 1.0), qkv.Length + y.Length,
            () => inner.AttentionForward(qkv, y, logSumExp, batch, time, heads, headSize, dropout, random));
    /// <inheritdoc/>
    public override void AttentionBackward(Storage dy, Storage qkv, Storage y, Storage logSumExp, Storage dqkv,
        int batch, int time, int heads, int headSize, float dropout, RandomKey random, bool accumulate) =>
        Time(nameof(AttentionBackward), 5.0 * batch * heads * headSize * time * (time + 1.0), 2.0 * qkv.Length + 2.0 * y.Length,
            () => inner.AttentionBackward(dy, qkv, y, logSumExp, dqkv, batch, time, heads, headSize, dropout, random, accumulate));

    /// <inheritdoc/>
    public override void AppendKeyValues(Storage qkv, Storage keys, Storage values, int batch, int time, int past, int capacity, int heads, int headSize) =>
        Time(nameof(AppendKeyValues), 0, 4.0 / 3 * qkv.Length, () => inner.AppendKeyValues(qkv, keys, values, batch, time, past, capacity, heads, headSize));
    /// <inheritdoc/>
    public override void CachedAttention(Storage qkv, Storage keys, Storage values, Storage y, int batch, int time, int past, int capacity, int heads, int headSize) =>
        Time(nameof(CachedAttention), 4.0 * batch * heads * headSize * time * (past + (time + 1) / 2.0), 2.0 * batch * heads * headSize * (past + time) + 2.0 * y.Length,
            () => inner.CachedAttention(qkv, keys, values, y, batch, time, past, capacity, heads, headSize));
    /// <inheritdoc/>
    public override void Narrow(Storage x, Storage y) => Time(nameof(Narrow), 0, 1.5 * x.Length, () => inner.Narrow(x, y));
    /// <inheritdoc/>
    public override void NarrowLinearForward(Storage x, Storage weight, Storage bias, Storage y, int rows, int inputs, int outputs) =>
        Time($"{nameof(NarrowLinearForward)} {rows}×{outputs}×{inputs}", 2.0 * rows * inputs * outputs, x.Length + weight.Length + y.Length,
            () => inner.NarrowLinearForward(x, weight, bias, y, rows, inputs, outputs));
    /// <inheritdoc/>
    public override void NarrowEmbeddingForward(Storage ids, Storage tokens, Storage positions, Storage y, int batch, int time, int channels, int first) =>
        Time(nameof(NarrowEmbeddingForward), 0, 2.0 * y.Length, () => inner.NarrowEmbeddingForward(ids, tokens, positions, y, batch, time, channels, first));

    /// <inheritdoc/>
    public override void CrossEntropy(Storage logits, Storage targets, Storage losses, Storage dLogits, int rows, int vocabulary, float scale) =>
        Time(nameof(CrossEntropy), 0, 2.0 * logits.Length, () => inner.CrossEntropy(logits, targets, losses, dLogits, rows, vocabulary, scale));
    /// <inheritdoc/>
    public override void LinearCrossEntropy(Storage x, Storage weight, Storage targets, Storage losses, Storage dx, Storage dWeight, int rows, int channels, int vocabulary, float scale, bool accumulate) =>
        Time(nameof(LinearCrossEntropy), (dx.IsNone ? 2.0 : 6.0) * rows * channels * vocabulary, 2.0 * x.Length + 3.0 * weight.Length,
            () => inner.LinearCrossEntropy(x, weight, targets, losses, dx, dWeight, rows, channels, vocabulary, scale, accumulate));

    /// <inheritdoc/>
    public override void AdamW(Storage values, Storage grads, Storage m, Storage v, Storage schedule, float beta1, float beta2, float epsilon, float weightDecay) =>
        Time(nameof(AdamW), 0, 7.0 * values.Length, () => inner.AdamW(values, grads, m, v, schedule, beta1, beta2, epsilon, weightDecay));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => inner.Dispose();
}
