using NanoGpt.Tensors.Cpu.Gemm;

namespace NanoGpt.Tensors.Cpu.Bf16;

/// <summary>The bf16 micro-kernels of this process, assembled on first use: .NET has no intrinsic for <c>vdpbf16ps</c>.</summary>
internal static unsafe class Bf16Kernel
{
    static readonly delegate* unmanaged<long, void> peak;

    static Bf16Kernel()
    {
        if (!Bf16Packer.Available) return;
        var tiles = new TileKernel(TileInstruction.DotBf16);
        peak = (delegate* unmanaged<long, void>)ExecutableMemory.Place(Bf16PeakAssembler.Write());
        if (tiles.Available && peak != null) Tiles = tiles;
    }

    /// <summary>Multiplies tiles; null where the processor lacks the instruction or the system did not let the code be placed.</summary>
    public static TileKernel? Tiles { get; }

    /// <summary>Multiply-adds from registers; returns their floating-point operations.</summary>
    public static double Peak(int rounds)
    {
        peak(rounds);
        return 4.0 * 16 * Bf16PeakAssembler.Products * rounds;
    }
}
