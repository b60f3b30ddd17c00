using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

// One struct per kernel: its constructor is the argument list, Run the loop. Items are single elements.

/// <summary>y = a + b.</summary>
internal readonly unsafe struct AddWork<V>(float* a, float* b, float* y) : IFlatWork<AddWork<V>> where V : unmanaged, ISimd<V>
{
    public AddWork<V> From(long start) => new(a + start, b + start, y + start);

    public void Run(int from, int to)
    {
        int i = from;
        for (; i + V.Count <= to; i += V.Count) V.Store(V.Load(a + i) + V.Load(b + i), y + i);
        for (; i < to; i++) y[i] = a[i] + b[i];
    }
}

/// <summary>y = factor·x, or y += factor·x.</summary>
internal readonly unsafe struct ScaleWork<V>(float* x, float factor, float* y, bool accumulate) : IFlatWork<ScaleWork<V>> where V : unmanaged, ISimd<V>
{
    public ScaleWork<V> From(long start) => new(x + start, factor, y + start, accumulate);

    public void Run(int from, int to)
    {
        var f = V.Create(factor);
        int i = from;
        if (accumulate)
        {
            for (; i + V.Count <= to; i += V.Count) V.Store(V.Fma(V.Load(x + i), f, V.Load(y + i)), y + i);
            for (; i < to; i++) y[i] = MathF.FusedMultiplyAdd(x[i], factor, y[i]);
        }
        else
        {
            for (; i + V.Count <= to; i += V.Count) V.Store(V.Load(x + i) * f, y + i);
            for (; i < to; i++) y[i] = x[i] * factor;
        }
    }
}

/// <summary>x = value.</summary>
internal readonly unsafe struct FillWork(float* x, float value) : IFlatWork<FillWork>
{
    public FillWork From(long start) => new(x + start, value);

    public void Run(int from, int to) => new Span<float>(x + from, to - from).Fill(value);
}

/// <summary>y = x, without overlap.</summary>
internal readonly unsafe struct CopyWork(float* x, float* y) : IFlatWork<CopyWork>
{
    public CopyWork From(long start) => new(x + start, y + start);

    public void Run(int from, int to) => new ReadOnlySpan<float>(x + from, to - from).CopyTo(new Span<float>(y + from, to - from));
}
