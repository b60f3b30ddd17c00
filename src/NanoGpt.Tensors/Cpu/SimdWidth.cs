using System.Runtime.Intrinsics;

namespace NanoGpt.Tensors.Cpu;

/// <summary>How wide the vectors of the CPU's kernels are, in bits.</summary>
public enum SimdWidth
{
    /// <summary>No vectors.</summary>
    Scalar = 0,
    /// <summary>SSE or NEON.</summary>
    V128 = 128,
    /// <summary>AVX2.</summary>
    V256 = 256,
    /// <summary>AVX-512.</summary>
    V512 = 512,
}

/// <summary>Which widths this machine has.</summary>
public static class SimdWidths
{
    /// <summary>The widest that this machine runs at full speed.</summary>
    public static SimdWidth Widest =>
        Vector512.IsHardwareAccelerated ? SimdWidth.V512
        : Vector256.IsHardwareAccelerated ? SimdWidth.V256
        : Vector128.IsHardwareAccelerated ? SimdWidth.V128
        : SimdWidth.Scalar;
}
