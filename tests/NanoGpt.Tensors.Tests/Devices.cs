using NanoGpt.Tensors.Cpu;

// Devices are shared, allocation and memory are measured for the whole process: one test at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace NanoGpt.Tensors.Tests;

/// <summary>The CPU device at every vector width, made once for all tests.</summary>
static class Devices
{
    static readonly Dictionary<(SimdWidth, int), CpuDevice> made = [];

    /// <summary>Every width, for <c>[Theory, MemberData]</c>.</summary>
    public static TheoryData<SimdWidth> Widths => [SimdWidth.Scalar, SimdWidth.V128, SimdWidth.V256, SimdWidth.V512];

    /// <summary>The device of a width; the test is skipped where the processor lacks it.</summary>
    public static CpuDevice Of(SimdWidth width, int threads = 2)
    {
        Assert.SkipUnless(width <= SimdWidths.Widest, $"This processor has no {(int)width}-bit vectors.");
        if (!made.TryGetValue((width, threads), out var device)) made.Add((width, threads), device = CpuDevice.Create(threads, width));
        return device;
    }

    /// <summary>The widest device.</summary>
    public static CpuDevice Widest => Of(SimdWidths.Widest);
}
