using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019) in one pass over flat memory.
/// <code>
/// g = scale·grad;  m = β1·m + (1-β1)·g;  v = β2·v + (1-β2)·g²
/// value = value·(1 - lr·decay) - lr·c1·m / (√(c2·v) + ε),   c1 = 1/(1-β1^t), c2 = 1/(1-β2^t)
/// </code>
/// </summary>
internal readonly unsafe struct AdamWWork<V>(float* values, float* grads, float* m, float* v, float* schedule,
    float beta1, float beta2, float epsilon, float weightDecay) : IWork where V : unmanaged, ISimd<V>
{
    public void Run(int from, int to)
    {
        int vectorEnd = from + (to - from) / V.Count * V.Count;
        for (int i = from; i < vectorEnd; i += V.Count) Update<V>(i);
        for (int i = vectorEnd; i < to; i++) Update<SimdScalar>(i);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveInlining)]
    void Update<T>(int i) where T : unmanaged, ISimd<T>
    {
        float rate = schedule[0], scale = schedule[1], c1 = schedule[2], c2 = schedule[3];
        T g = T.Load(grads + i) * T.Create(scale);
        T first = T.Fma(T.Load(m + i), T.Create(beta1), g * T.Create(1 - beta1));
        T second = T.Fma(T.Load(v + i), T.Create(beta2), g * g * T.Create(1 - beta2));
        T.Store(first, m + i);
        T.Store(second, v + i);
        T denominator = T.Sqrt(second * T.Create(c2)) + T.Create(epsilon);
        T value = T.Load(values + i) * T.Create(1 - rate * weightDecay);
        T.Store(value - first * T.Create(rate * c1) / denominator, values + i);
    }
}
