using System.Runtime.CompilerServices;

namespace NanoGpt.Tensors.Cpu.Simd;

/// <summary>Elementary functions on vectors, as polynomials; the tests hold each to the error stated here over its whole range.</summary>
internal static unsafe class SimdMath<V> where V : unmanaged, ISimd<V>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>1 in the first <paramref name="count"/> lanes, 0 in the others.</summary>
    public static V Ones(int count)
    {
        float* ones = stackalloc float[V.Count];
        V.Store(V.Create(1), ones);
        return V.LoadPartial(ones, count);
    }

    /// <summary>
    /// e^x, within 1.2e-7 relative for x in [-87.3, 88]; 0 below, e^88 above, NaN for NaN.
    /// e^x = 2^n · e^r with n = round(x / ln 2), |r| ≤ ln 2 / 2, and e^r a minimax polynomial of degree 6.
    /// </summary>
    [MethodImpl(Inline)]
    public static V Exp(V x)
    {
        // Min and Max return their second operand when one is NaN, so x stands second.
        V clamped = V.Max(V.Create(-87.3f), V.Min(V.Create(88f), x));
        V n = V.Round(clamped * V.Create(1.44269504f));
        V r = V.Fma(n, V.Create(-0.693145752f), clamped);      // ln 2 in two parts: the first is exact for these n
        r = V.Fma(n, V.Create(-1.42860677e-6f), r);
        V p = V.Create(0.0013814468f);
        p = V.Fma(p, r, V.Create(0.0083687805f));
        p = V.Fma(p, r, V.Create(0.0416683942f));
        p = V.Fma(p, r, V.Create(0.1666652011f));
        p = V.Fma(p, r, V.Create(0.4999999341f));
        p = V.Fma(p, r, V.Create(1f));
        p = V.Fma(p, r, V.Create(1f));
        return V.SelectLess(x, V.Create(-87.3f), V.Create(0f), V.TimesPowerOfTwo(p, n));
    }

    /// <summary>
    /// Φ(x), the normal distribution: within 2.5e-7 everywhere, exactly 0 and 1 from 5.112 on. ½ + x·P(x²)/Q(x²), minimax on |x| ≤ 5.2.
    /// </summary>
    [MethodImpl(Inline)]
    public static V NormalCdf(V x)
    {
        x = V.Max(V.Create(-5.11238003f), V.Min(V.Create(5.11238003f), x));      // where x·P/Q is ½ to the bit
        V t = x * x;
        V p = V.Create(5.840451194671914e-6f);
        p = V.Fma(p, t, V.Create(3.1425460474565625e-4f));
        p = V.Fma(p, t, V.Create(5.518681835383177e-3f));
        p = V.Fma(p, t, V.Create(4.95927594602108e-2f));
        p = V.Fma(p, t, V.Create(3.9894190430641174e-1f));
        V q = V.Create(5.018857791583287e-7f);
        q = V.Fma(q, t, V.Create(1.1273730342509225e-4f));
        q = V.Fma(q, t, V.Create(2.703700680285692e-3f));
        q = V.Fma(q, t, V.Create(3.7339407950639725e-2f));
        q = V.Fma(q, t, V.Create(2.9097139835357666e-1f));
        q = V.Fma(q, t, V.Create(1f));
        return V.Create(0.5f) + x * p / q;
    }

    /// <summary>
    /// Φ(x) + x·φ(x), the derivative of x·Φ(x): within 3.2e-7 everywhere, exactly 0 and 1 from 5.694 on. Fitted like Φ itself, on |x| ≤ 5.8: half the
    /// arithmetic of an exponential beside a fit of Φ.
    /// </summary>
    [MethodImpl(Inline)]
    public static V GeluDerivative(V x)
    {
        x = V.Max(V.Create(-5.69362831f), V.Min(V.Create(5.69362831f), x));
        V t = x * x;
        V p = V.Create(1.0049248932997301e-10f);
        p = V.Fma(p, t, V.Create(1.665674034256881e-7f));
        p = V.Fma(p, t, V.Create(3.5018289054278284e-5f));
        p = V.Fma(p, t, V.Create(1.0442229722684715e-5f));
        p = V.Fma(p, t, V.Create(1.4207597821950912e-2f));
        p = V.Fma(p, t, V.Create(-3.1700048595666885e-2f));
        p = V.Fma(p, t, V.Create(7.978851795196533e-1f));
        V q = V.Create(8.43380894366419e-6f);
        q = V.Fma(q, t, V.Create(1.8809869652613997e-4f));
        q = V.Fma(q, t, V.Create(3.468209644779563e-3f));
        q = V.Fma(q, t, V.Create(4.066052287817001e-2f));
        q = V.Fma(q, t, V.Create(2.936099171638489e-1f));
        q = V.Fma(q, t, V.Create(1f));
        return V.Create(0.5f) + x * p / q;
    }
}
