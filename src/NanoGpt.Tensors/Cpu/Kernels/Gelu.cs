using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>y = x/2 · (1 + erf(x/√2)).</summary>
internal readonly unsafe struct GeluForward<V>(float* x, float* y) : IWork where V : unmanaged, ISimd<V>
{
    public void Run(int from, int to)
    {
        int i = from;
        for (; i + V.Count <= to; i += V.Count) V.Store(GeluFormula<V>.Value(V.Load(x + i)), y + i);
        for (; i < to; i++) SimdScalar.Store(GeluFormula<SimdScalar>.Value(SimdScalar.Load(x + i)), y + i);
    }
}

/// <summary>dx (+)= dy · (Φ(x) + x·φ(x)).</summary>
internal readonly unsafe struct GeluBackward<V>(float* dy, float* x, float* dx, bool accumulate) : IWork where V : unmanaged, ISimd<V>
{
    public void Run(int from, int to)
    {
        int i = from;
        for (; i + V.Count <= to; i += V.Count)
        {
            V g = V.Load(dy + i) * GeluFormula<V>.Derivative(V.Load(x + i));
            V.Store(accumulate ? g + V.Load(dx + i) : g, dx + i);
        }
        for (; i < to; i++)
        {
            SimdScalar g = SimdScalar.Load(dy + i) * GeluFormula<SimdScalar>.Derivative(SimdScalar.Load(x + i));
            SimdScalar.Store(accumulate ? g + SimdScalar.Load(dx + i) : g, dx + i);
        }
    }
}

internal static class GeluFormula<V> where V : unmanaged, ISimd<V>
{
    const float HalfSqrt2 = 0.70710678f, InverseSqrt2Pi = 0.39894228f;

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveInlining)]
    static V Phi(V x) => V.Fma(V.Create(0.5f), SimdMath<V>.Erf(x * V.Create(HalfSqrt2)), V.Create(0.5f));

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveInlining)]
    public static V Value(V x) => x * Phi(x);

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveInlining)]
    public static V Derivative(V x) =>
        V.Fma(x, V.Create(InverseSqrt2Pi) * SimdMath<V>.Exp(x * x * V.Create(-0.5f)), Phi(x));
}
