using NanoGpt.Tensors;

namespace NanoGpt.Cli;

/// <summary>What each kernel costs in a step, beside the least that it could cost on this machine.</summary>
static class KernelTable
{
    /// <summary>
    /// Prints a line for each kernel: operations of its products, bytes of its operands, and as <c>roofline</c> the time that the larger of the two
    /// would take at the machine's measured rates.
    /// </summary>
    /// <param name="kernels">Their costs.</param>
    /// <param name="steps">Steps that these are the sum of.</param>
    /// <param name="peak">Floating-point operations per second.</param>
    /// <param name="bandwidth">Bytes per second.</param>
    /// <returns>Seconds of a step in which each kernel takes its least.</returns>
    public static double Write(IReadOnlyList<KernelCost> kernels, int steps, double peak, double bandwidth)
    {
        Console.WriteLine($"\n{"per step",-41} {"calls",5} {"ms",9} {"share",6} {"GFLOP",8} {"MB",8} {"GFLOP/s",8} {"GB/s",6} {"roofline ms",12}");
        double total = kernels.Sum(k => k.Seconds), bound = kernels.Sum(Bound);
        foreach (var k in kernels)
            Console.WriteLine($"{k.Kernel,-41} {k.Calls / steps,5} {Milliseconds(k.Seconds)} {k.Seconds / total,6:0.0%} {(k.Flops > 0 ? $"{k.Flops / steps / 1e9:0.00}" : ""),8} " +
                $"{k.Bytes / steps / 1e6,8:0.0} {(k.Flops > 0 ? $"{k.Flops / k.Seconds / 1e9:0}" : ""),8} {k.Bytes / k.Seconds / 1e9,6:0.0} {Milliseconds(Bound(k)),12}");
        Console.WriteLine($"{"all",-41} {"",5} {Milliseconds(total)} {"",6} {kernels.Sum(k => k.Flops) / steps / 1e9,8:0.00} {kernels.Sum(k => k.Bytes) / steps / 1e6,8:0.0} {"",8} {"",6} {Milliseconds(bound),12}");
        Console.WriteLine($"\nroofline: at {(double.IsInfinity(peak) ? "" : Units.Flops(peak) + " and ")}{bandwidth / 1e9:0.0} GB/s, both measured");
        return bound / steps;

        double Bound(KernelCost kernel) => kernel.Roofline(peak, bandwidth);
        string Milliseconds(double seconds) => $"{seconds * 1000 / steps,9:0.000}";
    }
}
