using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu;

/// <summary>The CPU: all cores, widest vectors.</summary>
public abstract class CpuDevice : Device
{
    private protected CpuDevice() { }

    /// <summary>Threads that compute, the caller's among them.</summary>
    public abstract int Threads { get; }

    /// <summary>Width of the vectors in use.</summary>
    public abstract SimdWidth Width { get; }

    /// <summary>
    /// Fused multiply-adds from registers on all threads for about <paramref name="duration"/>: what the silicon can do at
    /// its present clock, in floating-point operations per second.
    /// </summary>
    public abstract double MeasurePeakFlops(TimeSpan duration);

    /// <inheritdoc/>
    public override string Name => $"CPU, {Threads} thread{(Threads == 1 ? "" : "s")}, {(Width == SimdWidth.Scalar ? "no vectors" : $"{(int)Width}-bit vectors")}";

    /// <summary>A device on this machine.</summary>
    /// <param name="threads">Threads to use; 0 is as many as the process may use (cgroup limits are honoured by .NET).</param>
    /// <param name="width">Vector width; null is the widest there is. Narrower ones are for tests and comparisons.</param>
    /// <exception cref="ArgumentException">A negative number of threads.</exception>
    public static CpuDevice Create(int threads = 0, SimdWidth? width = null)
    {
        if (threads < 0) throw new ArgumentException($"threads must be 0 (all) or more, not {threads}.");
        if (threads == 0) threads = Environment.ProcessorCount;
        return (width ?? SimdWidths.Widest) switch
        {
            SimdWidth.V512 => new CpuDevice<Simd512, Fp32Format<Simd512>>(threads, SimdWidth.V512),
            SimdWidth.V256 => new CpuDevice<Simd256, Fp32Format<Simd256>>(threads, SimdWidth.V256),
            SimdWidth.V128 => new CpuDevice<Simd128, Fp32Format<Simd128>>(threads, SimdWidth.V128),
            _ => new CpuDevice<SimdScalar, Fp32Format<SimdScalar>>(threads, SimdWidth.Scalar),
        };
    }
}
