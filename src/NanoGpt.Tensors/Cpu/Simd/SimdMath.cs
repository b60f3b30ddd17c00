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
        return V.SelectLess(x, V.Create(-87.3f), V.Create(0f), p * V.PowerOfTwo(n));
    }

    /// <summary>
    /// erf(x), within 4e-7 absolute everywhere: x·P(x²)/Q(x²) fitted on |x| ≤ 3.92, where erf is 1 to within fp32.
    /// </summary>
    [MethodImpl(Inline)]
    public static V Erf(V x)
    {
        x = V.Max(V.Create(-3.92f), V.Min(V.Create(3.92f), x));
        V t = x * x;
        V p = V.Create(1.9924202732113372e-8f);
        p = V.Fma(p, t, V.Create(-1.9578390038077487e-6f));
        p = V.Fma(p, t, V.Create(1.4185164764057845e-4f));
        p = V.Fma(p, t, V.Create(3.701661014929414e-3f));
        p = V.Fma(p, t, V.Create(5.0573498010635376e-2f));
        p = V.Fma(p, t, V.Create(1.999257206916809e-1f));
        p = V.Fma(p, t, V.Create(1.1283791065216064f));
        V q = V.Create(9.560513426549733e-4f);
        q = V.Fma(q, t, V.Create(1.4353310689330101e-2f));
        q = V.Fma(q, t, V.Create(1.1499891430139542e-1f));
        q = V.Fma(q, t, V.Create(5.105112195014954e-1f));
        q = V.Fma(q, t, V.Create(1f));
        return x * p / q;
    }
}
