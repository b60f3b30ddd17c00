using NanoGpt.Tensors.Cpu;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Tests;

public unsafe class SimdMathTests
{
    /// <summary>Every 1021st bit pattern: all signs and exponents, denormals, infinities and NaNs among them; then the interesting range densely.</summary>
    static readonly float[] sample =
    [
        .. Enumerable.Range(0, (int)(uint.MaxValue / 1021)).Select(i => BitConverter.UInt32BitsToSingle((uint)i * 1021)),
        .. Enumerable.Range(-400_000, 800_001).Select(i => i * 0.00025f),
        0, -0f, float.Epsilon, -float.Epsilon, float.MinValue, float.MaxValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN,
        -87.3f, 88f, MathF.BitIncrement(-87.3f), MathF.BitDecrement(-87.3f), MathF.BitIncrement(88f), MathF.BitDecrement(88f), 3.92f, -3.92f,
    ];

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Exp_is_within_its_bound(SimdWidth width)
    {
        var y = Map(width, exp: true);
        for (int i = 0; i < sample.Length; i++)
        {
            float x = sample[i];
            if (float.IsNaN(x)) { if (!float.IsNaN(y[i])) Assert.Fail($"exp(NaN) is {y[i]}."); }
            else if (x < -87.3f) { if (y[i] != 0) Assert.Fail($"exp({x:R}) is {y[i]:R}, not 0."); }
            else
            {
                double expected = Math.Exp(Math.Min(x, 88)), error = Math.Abs(y[i] - expected) / expected;
                if (!(error <= 1.2e-7)) Assert.Fail($"exp({x:R}) is {y[i]:R} instead of {expected:R}: off by {error:g2}.");
            }
        }
        Assert.Equal(1, y[Array.IndexOf(sample, 0f)]);
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Erf_is_within_its_bound(SimdWidth width)
    {
        var y = Map(width, exp: false);
        for (int i = 0; i < sample.Length; i++)
        {
            float x = sample[i];
            if (float.IsNaN(x)) { if (!float.IsNaN(y[i])) Assert.Fail($"erf(NaN) is {y[i]}."); continue; }
            double expected = Reference.Erf(x), error = Math.Abs(y[i] - expected);
            if (!(error <= 4e-7)) Assert.Fail($"erf({x:R}) is {y[i]:R} instead of {expected:R}: off by {error:g2}.");
        }
    }

    /// <summary>A kernel's tail is done one by one: it must not be seen in the result where the rest was vectors.</summary>
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Every_width_gives_the_same_bits_as_one_lane(SimdWidth width)
    {
        foreach (bool exp in (bool[])[true, false])
        {
            float[] scalar = Map(SimdWidth.Scalar, exp), wide = Map(width, exp);
            for (int i = 0; i < sample.Length; i++)
                if (!scalar[i].Equals(wide[i])) Assert.Fail($"{(exp ? "exp" : "erf")}({sample[i]:R}) is {wide[i]:R}, in one lane {scalar[i]:R}.");
        }
    }

    static float[] Map(SimdWidth width, bool exp)
    {
        Assert.SkipUnless(width <= SimdWidths.Widest, $"This processor has no {(int)width}-bit vectors.");
        return width switch
        {
            SimdWidth.V512 => Map<Simd512>(exp),
            SimdWidth.V256 => Map<Simd256>(exp),
            SimdWidth.V128 => Map<Simd128>(exp),
            _ => Map<SimdScalar>(exp),
        };
    }

    static float[] Map<V>(bool exp) where V : unmanaged, ISimd<V>
    {
        var y = new float[sample.Length];
        fixed (float* px = sample, py = y)
        {
            // The last vector overlaps the one before, so every element goes through vectors.
            for (int i = 0; i < sample.Length; i += V.Count)
            {
                int at = Math.Min(i, sample.Length - V.Count);
                V x = V.Load(px + at);
                V.Store(exp ? SimdMath<V>.Exp(x) : SimdMath<V>.Erf(x), py + at);
            }
        }
        return y;
    }
}
