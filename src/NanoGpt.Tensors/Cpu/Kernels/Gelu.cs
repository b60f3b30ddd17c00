using System.Runtime.CompilerServices;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>An elementwise function with its derivative.</summary>
internal interface IActivation<V> where V : unmanaged, ISimd<V>
{
    static abstract V Value(V x);
    static abstract V Derivative(V x);
}

/// <summary>y = f(x). <typeparamref name="T"/> is the same function on one lane, for the tail.</summary>
internal readonly unsafe struct ActivationForward<V, F, T>(float* x, float* y) : IFlatWork<ActivationForward<V, F, T>>
    where V : unmanaged, ISimd<V> where F : IActivation<V> where T : IActivation<SimdScalar>
{
    public ActivationForward<V, F, T> From(long start) => new(x + start, y + start);

    public void Run(int from, int to)
    {
        int i = from;
        for (; i + V.Count <= to; i += V.Count) V.Store(F.Value(V.Load(x + i)), y + i);
        for (; i < to; i++) SimdScalar.Store(T.Value(SimdScalar.Load(x + i)), y + i);
    }
}

/// <summary>dx (+)= dy · f'(x).</summary>
internal readonly unsafe struct ActivationBackward<V, F, T>(float* dy, float* x, float* dx, bool accumulate) : IFlatWork<ActivationBackward<V, F, T>>
    where V : unmanaged, ISimd<V> where F : IActivation<V> where T : IActivation<SimdScalar>
{
    public ActivationBackward<V, F, T> From(long start) => new(dy + start, x + start, dx + start, accumulate);

    public void Run(int from, int to)
    {
        int i = from;
        for (; i + V.Count <= to; i += V.Count)
        {
            V g = V.Load(dy + i) * F.Derivative(V.Load(x + i));
            V.Store(accumulate ? g + V.Load(dx + i) : g, dx + i);
        }
        for (; i < to; i++)
        {
            SimdScalar g = SimdScalar.Load(dy + i) * T.Derivative(SimdScalar.Load(x + i));
            SimdScalar.Store(accumulate ? g + SimdScalar.Load(dx + i) : g, dx + i);
        }
    }
}

/// <summary>The exact form: x·Φ(x), where Φ(x) = (1 + erf(x/√2)) / 2.</summary>
internal readonly struct GeluErf<V> : IActivation<V> where V : unmanaged, ISimd<V>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value(V x) => x * SimdMath<V>.NormalCdf(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative(V x) => SimdMath<V>.GeluDerivative(x);
}

/// <summary>
/// The tanh form: σ(2u) with u = √(2/π)·(x + 0.044715·x³), 2u' = 2·√(2/π)·(1 + 3·0.044715·x²).
/// </summary>
internal readonly struct GeluTanh<V> : IActivation<V> where V : unmanaged, ISimd<V>
{
    const float TwoSqrt2OverPi = 1.59576912f, Cubic = 0.044715f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Sigmoid(V x) =>
        V.Create(1) / (V.Create(1) + SimdMath<V>.Exp(x * V.Create(-TwoSqrt2OverPi) * V.Fma(x * x, V.Create(Cubic), V.Create(1))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value(V x) => x * Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative(V x)
    {
        V s = Sigmoid(x), slope = V.Create(TwoSqrt2OverPi) * V.Fma(x * x, V.Create(3 * Cubic), V.Create(1));
        // Far out, σ·(1 - σ) is next to 0 and the slope is large; with the small numbers multiplied first, nothing is left up to |x| = 10⁹.
        return V.Fma(s * (V.Create(1) - s) * x, slope, s);
    }
}
