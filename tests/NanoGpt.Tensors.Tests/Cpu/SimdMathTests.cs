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
        -87.3f, 88f, MathF.BitIncrement(-87.3f), MathF.BitDecrement(-87.3f), MathF.BitIncrement(88f), MathF.BitDecrement(88f), 5.11238f, -5.11238f, 5.693628f, -5.693628f,
    ];

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Exp_is_within_its_bound(SimdWidth width)
    {
        var y = Map<Exponential>(width);
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
    public void The_normal_distribution_is_within_its_bound(SimdWidth width) =>
        Within<Normal>(width, 2.5e-7, exactFrom: 5.11239f, x => (1 + Reference.Erf(x / Math.Sqrt(2))) / 2);

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void The_derivative_of_gelu_is_within_its_bound(SimdWidth width) =>
        Within<Slope>(width, 3.2e-7, exactFrom: 5.69363f, x => (1 + Reference.Erf(x / Math.Sqrt(2))) / 2 + Math.Clamp(x, -40, 40) * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI));

    /// <summary>Rises from 0 to 1: within the bound everywhere, and exactly 0 or 1 far out.</summary>
    static void Within<F>(SimdWidth width, double bound, float exactFrom, Func<double, double> reference) where F : IFunction
    {
        var y = Map<F>(width);
        for (int i = 0; i < sample.Length; i++)
        {
            float x = sample[i];
            if (float.IsNaN(x)) { if (!float.IsNaN(y[i])) Assert.Fail($"At NaN it is {y[i]}."); continue; }
            double expected = reference(x), error = Math.Abs(y[i] - expected);
            if (!(error <= bound)) Assert.Fail($"At {x:R} it is {y[i]:R} instead of {expected:R}: off by {error:g2}.");
            if (Math.Abs(x) >= exactFrom && y[i] != (x < 0 ? 0 : 1)) Assert.Fail($"At {x:R} it is {y[i]:R}, not {(x < 0 ? 0 : 1)}.");
        }
    }

    /// <summary>A kernel's tail is done one by one: it must not be seen in the result where the rest was vectors.</summary>
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Every_width_gives_the_same_bits_as_one_lane(SimdWidth width)
    {
        Same<Exponential>(width);
        Same<Normal>(width);
        Same<Slope>(width);
    }

    static void Same<F>(SimdWidth width) where F : IFunction
    {
        float[] scalar = Map<F>(SimdWidth.Scalar), wide = Map<F>(width);
        for (int i = 0; i < sample.Length; i++)
            if (!scalar[i].Equals(wide[i])) Assert.Fail($"{typeof(F).Name}({sample[i]:R}) is {wide[i]:R}, in one lane {scalar[i]:R}.");
    }

    interface IFunction
    {
        static abstract V Of<V>(V x) where V : unmanaged, ISimd<V>;
    }

    struct Exponential : IFunction { public static V Of<V>(V x) where V : unmanaged, ISimd<V> => SimdMath<V>.Exp(x); }

    struct Normal : IFunction { public static V Of<V>(V x) where V : unmanaged, ISimd<V> => SimdMath<V>.NormalCdf(x); }

    struct Slope : IFunction { public static V Of<V>(V x) where V : unmanaged, ISimd<V> => SimdMath<V>.GeluDerivative(x); }

    static float[] Map<F>(SimdWidth width) where F : IFunction
    {
        Assert.SkipUnless(width <= SimdWidths.Widest, $"This processor has no {(int)width}-bit vectors.");
        return width switch
        {
            SimdWidth.V512 => Map<F, Simd512>(),
            SimdWidth.V256 => Map<F, Simd256>(),
            SimdWidth.V128 => Map<F, Simd128>(),
            _ => Map<F, SimdScalar>(),
        };
    }

    static float[] Map<F, V>() where F : IFunction where V : unmanaged, ISimd<V>
    {
        var y = new float[sample.Length];
        fixed (float* px = sample, py = y)
        {
            // The last vector overlaps the one before, so every element goes through vectors.
            for (int i = 0; i < sample.Length; i += V.Count)
            {
                int at = Math.Min(i, sample.Length - V.Count);
                V.Store(F.Of(V.Load(px + at)), py + at);
            }
        }
        return y;
    }
}
