using NanoGpt.Tensors.Cpu.Amx;
using NanoGpt.Tensors.Cpu.Bf16;
using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu;

/// <summary>The CPU: all cores, widest vectors.</summary>
public abstract class CpuDevice : Device
{
    private protected CpuDevice() { }

    /// <summary>Threads that compute, the caller's among them.</summary>
    public abstract int Threads { get; }

    /// <summary>
    /// How much has been computed, in pieces of kernels; may be read from any thread. Where it stands still nothing is computed: a piece takes
    /// well under a second.
    /// </summary>
    public abstract long WorkDone { get; }

    /// <summary>Width of the vectors in use.</summary>
    public abstract SimdWidth Width { get; }

    /// <summary>
    /// Fused multiply-adds from registers on all threads for about <paramref name="duration"/>, in bursts of under a millisecond, at least
    /// one: what the silicon can do at its present clock, in floating-point operations per second of the fastest burst.
    /// </summary>
    public abstract double MeasurePeakFlops(TimeSpan duration);

    /// <summary>
    /// Plain passes over <paramref name="memory"/> on all threads for about <paramref name="duration"/>: what memory delivers, in
    /// bytes per second. The memory should be much larger than the caches.
    /// </summary>
    public abstract double MeasureReadBandwidth(Storage memory, TimeSpan duration);

    /// <inheritdoc/>
    public override string Name => $"CPU, {Threads} thread{(Threads == 1 ? "" : "s")}, {(Width == SimdWidth.Scalar ? "no vectors" : $"{(int)Width}-bit vectors")}";

    /// <summary>In which precision matrices are multiplied.</summary>
    public abstract Precision Precision { get; }

    /// <summary>Whether bf16 products run on instructions of their own here; elsewhere <see cref="Precision.BFloat16"/> works at the speed of fp32.</summary>
    public static bool HasFastBFloat16 => AmxKernel.Available || CpuFeatures.CanMultiplyBFloat16 && !CpuFeatures.MultipliesBFloat16Slowly;

    /// <summary>
    /// Rows of logits that <see cref="Device.LinearCrossEntropy"/> holds at once: about 160 MB of them. Fewer would mean to go
    /// through the head's weights and their gradient more often.
    /// </summary>
    public static int HeadRows(int rows, int vocabulary) => (int)Math.Min(rows, Math.Max(192, (40L << 20) / vocabulary / 192 * 192));

    /// <summary>A device on this machine.</summary>
    /// <param name="threads">Threads to use; 0 is as many as the process may use (cgroup limits are honoured by .NET).</param>
    /// <param name="width">Vector width; null is the widest there is. Narrower ones are for tests and comparisons.</param>
    /// <param name="precision">In which precision matrices are multiplied.</param>
    /// <exception cref="ArgumentException">A negative number of threads, or vectors wider than this processor has.</exception>
    public static CpuDevice Create(int threads = 0, SimdWidth? width = null, Precision precision = Precision.Float32)
    {
        if (threads < 0) throw new ArgumentException($"threads must be 0 (all) or more, not {threads}.");
        if (width > SimdWidths.Widest) throw new ArgumentException($"This processor has no {(int)width}-bit vectors; the widest it has are of {(int)SimdWidths.Widest} bits.");
        if (threads == 0) threads = Environment.ProcessorCount;
        return (width ?? SimdWidths.Widest) switch
        {
            SimdWidth.V512 when precision == Precision.BFloat16 && AmxKernel.Available => new CpuDevice<Simd512, AmxFormat>(threads, SimdWidth.V512, precision),
            SimdWidth.V512 when precision == Precision.BFloat16 && HasFastBFloat16 => new CpuDevice<Simd512, Bf16Format>(threads, SimdWidth.V512, precision),
            SimdWidth.V512 => Create<Simd512>(threads, SimdWidth.V512, precision),
            SimdWidth.V256 => Create<Simd256>(threads, SimdWidth.V256, precision),
            SimdWidth.V128 => Create<Simd128>(threads, SimdWidth.V128, precision),
            _ => Create<SimdScalar>(threads, SimdWidth.Scalar, precision),
        };
    }

    static CpuDevice Create<V>(int threads, SimdWidth width, Precision precision) where V : unmanaged, ISimd<V> =>
        precision == Precision.Float32
            ? new CpuDevice<V, Fp32Format<V>>(threads, width, precision)
            : new CpuDevice<V, Bf16RoundedFormat<V>>(threads, width, precision);
}
