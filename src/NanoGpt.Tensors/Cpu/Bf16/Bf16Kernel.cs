using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace NanoGpt.Tensors.Cpu.Bf16;

/// <summary>The argument of the assembled kernel. Strides in bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TileCall
{
    public const int OffsetA = 0, OffsetRowStride = 8, OffsetColumnStride = 16, OffsetB = 24, OffsetSteps = 32,
        OffsetStart = 40, OffsetStartStride = 48, OffsetC = 56, OffsetCStride = 64, OffsetLastMask = 72;

    public float* A;
    public long RowStride, ColumnStride;
    public float* B;
    public long Steps;
    public float* Start;
    public long StartStride;
    public float* C;
    public long CStride;
    public ushort LastMask;         // which columns of the last vector exist
}

/// <summary>The assembled bf16 micro-kernels of this process, made on first use.</summary>
internal static unsafe class Bf16Kernel
{
    const int Lanes = 16;

    static readonly delegate* unmanaged[SuppressGCTransition]<TileCall*, void> one, two, three;
    static readonly delegate* unmanaged<long, void> peak;

    static Bf16Kernel()
    {
        if (!HasInstruction()) return;
        one = Make(1);
        two = Make(2);
        three = Make(3);
        peak = (delegate* unmanaged<long, void>)ExecutableMemory.Place(Bf16Assembler.Peak());
        Available = peak != null && one != null && two != null && three != null && Bf16Packer.Available;
    }

    /// <summary>Whether this processor has the instruction and this system let the code be placed.</summary>
    public static bool Available { get; }

    /// <summary>One tile: see <see cref="Gemm.MicroKernel{V}"/>; strides in words.</summary>
    public static void Run(int columns, int steps, float* a, long rs, long cs, float* b, float* start, long startStride, float* c, long cStride)
    {
        int vectors = (columns + Lanes - 1) / Lanes;
        var call = new TileCall
        {
            A = a, RowStride = rs * 4, ColumnStride = cs * 4, B = b, Steps = steps,
            Start = start, StartStride = startStride * 4, C = c, CStride = cStride * 4, LastMask = (ushort)(0xFFFF >> vectors * Lanes - columns),
        };
        if (vectors == 3) three(&call);
        else if (vectors == 2) two(&call);
        else one(&call);
    }

    /// <summary>Multiply-adds from registers; returns their floating-point operations.</summary>
    public static double Peak(int rounds)
    {
        peak(rounds);
        return 4.0 * 16 * Bf16Assembler.PeakProducts * rounds;
    }

    static delegate* unmanaged[SuppressGCTransition]<TileCall*, void> Make(int vectors) =>
        (delegate* unmanaged[SuppressGCTransition]<TileCall*, void>)ExecutableMemory.Place(Bf16Assembler.Tile(vectors));

    /// <summary>CPUID leaf 7, sub-leaf 1, EAX bit 5: AVX512_BF16. That the system saves the registers is what .NET's own test for AVX-512 says.</summary>
    public static bool HasInstruction() => Avx512BW.IsSupported && (X86Base.CpuId(7, 1).Eax & 1 << 5) != 0;
}
