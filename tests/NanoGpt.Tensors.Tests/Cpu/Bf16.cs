using NanoGpt.Tensors.Cpu;
using NanoGpt.Tensors.Cpu.Bf16;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Tests;

/// <summary>The ways in which bf16 products are formed: in tiles, by AMX or as an interpreter does it; by the vector instruction; or rounded and multiplied as fp32 at some width.</summary>
public enum Bf16Path
{
    Tiles,
    InterpretedTiles,
    Instruction,
    RoundedScalar,
    Rounded128,
    Rounded256,
    Rounded512,
}

/// <summary>Devices that multiply in bf16, and bf16 itself in plain arithmetic.</summary>
static class Bf16
{
    /// <summary>Unit roundoff: a value of 8 significant bits is off by at most this fraction.</summary>
    public const double Unit = 1.0 / 256;

    static readonly Dictionary<(Bf16Path, int), CpuDevice> made = [];

    /// <summary>Every path, for <c>[Theory, MemberData]</c>.</summary>
    public static TheoryData<Bf16Path> Paths => [.. Enum.GetValues<Bf16Path>()];

    /// <summary>The device of a path; the test is skipped where the processor lacks it.</summary>
    public static CpuDevice Device(Bf16Path path, int threads = 2)
    {
        SkipWhereMissing(path);
        if (!made.TryGetValue((path, threads), out var device)) made.Add((path, threads), device = Create(path, threads));
        return device;
    }

    /// <summary>Skips the test where the processor lacks a path.</summary>
    public static void SkipWhereMissing(Bf16Path path)
    {
        if (path == Bf16Path.Tiles) Assert.SkipUnless(CpuFeatures.HasTiles, "This processor has no AMX, or the system does not let it be used.");
        if (path == Bf16Path.Instruction) Assert.SkipUnless(CpuFeatures.CanMultiplyBFloat16, "This processor has no AVX512_BF16, or the system places no code.");
        var width = WidthOf(path);
        Assert.SkipUnless(width <= SimdWidths.Widest, $"This processor has no {(int)width}-bit vectors.");
    }

    static CpuDevice Create(Bf16Path path, int threads) => path switch
    {
        // Those that the public way does not make where there is something better, or never.
        Bf16Path.InterpretedTiles => new CpuDevice<Lanes16, InterpretedAmxFormat>(threads, SimdWidth.V512, Precision.BFloat16),
        Bf16Path.Instruction => new CpuDevice<Simd512, Bf16Format>(threads, SimdWidth.V512, Precision.BFloat16),
        Bf16Path.Rounded512 => new CpuDevice<Simd512, Bf16RoundedFormat<Simd512>>(threads, SimdWidth.V512, Precision.BFloat16),
        _ => CpuDevice.Create(threads, WidthOf(path), Precision.BFloat16),
    };

    static SimdWidth WidthOf(Bf16Path path) => path switch
    {
        Bf16Path.RoundedScalar => SimdWidth.Scalar,
        Bf16Path.Rounded128 => SimdWidth.V128,
        Bf16Path.Rounded256 or Bf16Path.InterpretedTiles => SimdWidth.V256,
        _ => SimdWidth.V512,
    };

    /// <summary>
    /// The nearest bf16, by comparing distances to the two neighbours; at a tie, the one whose last bit is 0. What is past
    /// the middle between the largest bf16 and 2^128 is infinite.
    /// </summary>
    public static float Nearest(float x)
    {
        if (!float.IsFinite(x)) return x;
        uint towardsZero = BitConverter.SingleToUInt32Bits(x) & 0xFFFF0000u, away = towardsZero + 0x10000;
        double below = Math.Abs(x) - Magnitude(towardsZero), above = Magnitude(away) - Math.Abs(x);
        bool takeAway = above < below || above == below && (away >> 16 & 1) == 0;
        return BitConverter.UInt32BitsToSingle(takeAway ? away : towardsZero);

        // What would follow the largest bf16 is 2^128; as bits it is infinity.
        static double Magnitude(uint bits) => (bits & 0x7FFFFFFF) == 0x7F800000 ? Math.Pow(2, 128) : Math.Abs(BitConverter.UInt32BitsToSingle(bits));
    }

    /// <summary>All rounded, in double precision.</summary>
    public static double[] Nearest(float[] x) => [.. x.Select(v => (double)Nearest(v))];

    /// <summary>All as they are, in double precision.</summary>
    public static double[] Exact(float[] x) => [.. x.Select(v => (double)v)];
}
