using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Text;
using NanoGpt.Tensors.Cpu.Amx;
using NanoGpt.Tensors.Cpu.Bf16;

namespace NanoGpt.Tensors.Cpu;

/// <summary>What this processor is, and which of its instructions the kernels can use.</summary>
public static class CpuFeatures
{
    /// <summary>The processor in its maker's words, or the architecture where it does not say.</summary>
    public static string Model
    {
        get
        {
            const int first = unchecked((int)0x80000002), last = first + 2;     // three leaves of 16 characters
            if (!X86Base.IsSupported || X86Base.CpuId(unchecked((int)0x80000000), 0).Eax < last) return RuntimeInformation.ProcessArchitecture.ToString();
            Span<int> text = stackalloc int[12];
            for (int leaf = first; leaf <= last; leaf++)
                (text[(leaf - first) * 4], text[(leaf - first) * 4 + 1], text[(leaf - first) * 4 + 2], text[(leaf - first) * 4 + 3]) = X86Base.CpuId(leaf, 0);
            return Encoding.ASCII.GetString(MemoryMarshal.AsBytes(text)).Trim('\0', ' ');
        }
    }

    /// <summary>The vector instructions that matter here, and whether this process can use them; those of other architectures are left out.</summary>
    public static IReadOnlyList<(string Name, bool Usable)> Vectors =>
        X86Base.IsSupported ? [("AVX2", Avx2.IsSupported && Fma.IsSupported), ("AVX-512", Avx512BW.IsSupported), ("AVX512_BF16", CanMultiplyBFloat16), ("AMX_BF16", HasTiles)]
        : ArmBase.IsSupported ? [("NEON", AdvSimd.IsSupported)] : [];

    /// <summary>Whether the processor multiplies bf16, be it that the system lets the kernel for it be placed or not: AVX512_BF16, CPUID leaf 7, sub-leaf 1, EAX bit 5. That the system saves the registers is what .NET's own test for AVX-512 says.</summary>
    public static bool HasBFloat16Instruction => Avx512BW.IsSupported && (X86Base.CpuId(7, 1).Eax & 1 << 5) != 0;

    /// <summary>Whether the kernel for it is there.</summary>
    public static bool CanMultiplyBFloat16 => Bf16Kernel.Tiles != null;

    /// <summary>
    /// Whether that takes longer than to multiply the same numbers as fp32: Intel's processors with AVX512_FP16 (CPUID leaf 7, EDX bit 23), Sapphire Rapids and later, do one <c>vdpbf16ps</c>
    /// in two cycles, in which they do four fp32 multiply-adds (175 and 357 GFLOP/s measured on two cores). They have AMX for bf16, which a virtual machine may lack.
    /// </summary>
    public static bool MultipliesBFloat16Slowly
    {
        get
        {
            const int genu = 0x756E6547;        // of GenuineIntel
            return Avx512BW.IsSupported && X86Base.CpuId(0, 0).Ebx == genu && (X86Base.CpuId(7, 0).Edx & 1 << 23) != 0;
        }
    }

    /// <summary>Whether the processor multiplies tiles of bf16, be it that the system lets them be used or not: AMX-BF16 and AMX-TILE, CPUID leaf 7, EDX bits 22 and 24.</summary>
    public static bool HasTileInstructions => Avx512BW.IsSupported && (X86Base.CpuId(7, 0).Edx & (1 << 22 | 1 << 24)) == (1 << 22 | 1 << 24);

    /// <summary>Whether bf16 products run on tiles here.</summary>
    public static bool HasTiles => AmxKernel.Available;
}
