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
    float beta1, float beta2, float epsilon, float weightDecay) : IFlatWork<AdamWWork<V>> where V : unmanaged, ISimd<V>
{
    public AdamWWork<V> From(long start) => new(values + start, grads + start, m + start, v + start, schedule, beta1, beta2, epsilon, weightDecay);

    public void Run(int from, int to)
    {
        // Read once: to the compiler, a store may change what lies behind any pointer.
        float rate = schedule[0], scale = schedule[1], c1 = schedule[2], c2 = schedule[3];
        int vectorEnd = from + (to - from) / V.Count * V.Count;
        Update<V>(from, vectorEnd, scale, 1 - rate * weightDecay, rate * c1, c2);
        Update<SimdScalar>(vectorEnd, to, scale, 1 - rate * weightDecay, rate * c1, c2);
    }

    void Update<T>(int from, int to, float scale, float keep, float step, float c2) where T : unmanaged, ISimd<T>
    {
        T s = T.Create(scale), b1 = T.Create(beta1), a1 = T.Create(1 - beta1), b2 = T.Create(beta2), a2 = T.Create(1 - beta2);
        T c = T.Create(c2), e = T.Create(epsilon), k = T.Create(keep), r = T.Create(step);
        for (int i = from; i < to; i += T.Count)
        {
            T g = T.Load(grads + i) * s;
            T first = T.Fma(T.Load(m + i), b1, g * a1);
            T second = T.Fma(T.Load(v + i), b2, g * g * a2);
            T.Store(first, m + i);
            T.Store(second, v + i);
            T.Store(T.Load(values + i) * k - first * r / (T.Sqrt(second * c) + e), values + i);
        }
    }
}
