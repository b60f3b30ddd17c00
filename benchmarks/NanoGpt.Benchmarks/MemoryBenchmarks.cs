using System.Numerics;
using BenchmarkDotNet.Attributes;
using NanoGpt.Tensors;

namespace NanoGpt.Benchmarks;

/// <summary>
/// Passes over the flat memory of 32 million parameters, beside passes that do nothing but read, or read and write: what the
/// memory of this machine gives.
/// </summary>
public unsafe class MemoryBenchmarks : KernelBenchmark
{
    const int Count = 32 << 20;

    Storage values, grads, m, v, schedule, result;

    public override Work WorkOf(string benchmark) => Work.OfBytes((double)Count * sizeof(float) * benchmark switch
    {
        nameof(AdamW) => 4 + 3,         // values, grads, m and v are read, all but grads written
        nameof(ReadAndWrite) => 2,
        nameof(ReadAndWriteFourRuns) => 4 + 3,
        _ => 1,
    });

    protected override void Allocate()
    {
        (values, grads, m, v) = (Normal(Count), Normal(Count), Normal(Count), Normal(Count));
        (schedule, result) = (Normal(4), Normal(1));
        Device.Fill(v, 1);
        Device.Write([1e-4f, 1, 1, 1], schedule);
    }

    [Benchmark]
    public void Read() => OnAllCores((start, length) =>
    {
        var numbers = new ReadOnlySpan<Vector<float>>((float*)values.Address + start, length / Vector<float>.Count);
        Vector<float> a = default, b = default, c = default, d = default;
        for (int i = 0; i + 4 <= numbers.Length; i += 4)
        {
            a += numbers[i];
            b += numbers[i + 1];
            c += numbers[i + 2];
            d += numbers[i + 3];
        }
        if (Vector.Sum(a + b + c + d) == 12345.678f) throw new InvalidOperationException("Never, but the compiler must not know.");
    });

    [Benchmark]
    public void SumOfSquares() => Device.SumOfSquares(grads, result);

    [Benchmark]
    public void ReadAndWrite() => OnAllCores((start, length) =>
    {
        var numbers = new Span<Vector<float>>((float*)values.Address + start, length / Vector<float>.Count);
        for (int i = 0; i < numbers.Length; i++) numbers[i] = -numbers[i];
    });

    /// <summary>AdamW's traffic without its arithmetic.</summary>
    [Benchmark]
    public void ReadAndWriteFourRuns() => OnAllCores((start, length) =>
    {
        float* x = (float*)values.Address + start, g = (float*)grads.Address + start, a = (float*)m.Address + start, b = (float*)v.Address + start;
        for (int i = 0; i < length; i += Vector<float>.Count)
        {
            var gradient = Vector.Load(g + i);
            Vector.Store(Vector.Max(Vector.Load(x + i), gradient), x + i);
            Vector.Store(Vector.Max(Vector.Load(a + i), gradient), a + i);
            Vector.Store(Vector.Max(Vector.Load(b + i), gradient), b + i);
        }
    });

    [Benchmark]
    public void AdamW() => Device.AdamW(values, grads, m, v, schedule, 0.9f, 0.95f, 1e-8f, 0.1f);

    /// <summary>A contiguous part for each core.</summary>
    void OnAllCores(Action<int, int> pass)
    {
        const int parts = 64, length = Count / parts;
        Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = Device.Threads }, part => pass(part * length, length));
    }
}
