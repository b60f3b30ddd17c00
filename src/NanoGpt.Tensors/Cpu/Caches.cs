using System.Runtime.Intrinsics.X86;

namespace NanoGpt.Tensors.Cpu;

/// <summary>What this processor says of its caches.</summary>
internal static class Caches
{
    /// <summary>Bytes of a core's second-level cache; 1 MB where the processor does not say.</summary>
    public static int SecondLevel { get; } = Read(2) ?? 1 << 20;

    /// <summary>The cache of data of a level. Intel describes caches in leaf 4, AMD in the same form in leaf 8000001D: EAX type and level, EBX ways, partitions and line size, ECX sets, each less one.</summary>
    static int? Read(int level)
    {
        if (!X86Base.IsSupported) return null;
        bool extended = X86Base.CpuId(unchecked((int)0x80000000), 0).Eax is < 0 and >= unchecked((int)0x8000001D) && X86Base.CpuId(unchecked((int)0x80000001), 0).Ecx is var features && (features & 1 << 22) != 0;
        int leaf = extended ? unchecked((int)0x8000001D) : 4;
        if (!extended && X86Base.CpuId(0, 0).Eax < leaf) return null;
        for (int i = 0; ; i++)
        {
            var (a, b, c, _) = X86Base.CpuId(leaf, i);
            const int instructions = 2;
            if ((a & 31) == 0) return null;
            if ((a & 31) != instructions && (a >> 5 & 7) == level) return ((b >>> 22) + 1) * ((b >> 12 & 1023) + 1) * ((b & 4095) + 1) * (c + 1);
        }
    }
}
