using System.Runtime.Intrinsics.X86;

namespace NanoGpt.Tensors.Cpu;

/// <summary>What this processor says of its caches.</summary>
internal static class Caches
{
    /// <summary>Bytes of a core's second-level cache; 1 MB where the processor does not say.</summary>
    public static int SecondLevel { get; } = DescribedSecondLevel() ?? 1 << 20;

    /// <summary>Intel describes caches in CPUID leaf 4, AMD likewise in leaf 8000001D where it has topology extensions. EAX: type, level; EBX: ways, partitions, bytes of a line, ECX: sets, each less one.</summary>
    static int? DescribedSecondLevel()
    {
        const int highest = unchecked((int)0x80000000), features = highest + 1, amd = highest + 0x1D, intel = 4, topologyExtensions = 1 << 22, instructions = 2;
        if (!X86Base.IsSupported) return null;
        bool isAmd = X86Base.CpuId(highest, 0).Eax >= amd && (X86Base.CpuId(features, 0).Ecx & topologyExtensions) != 0;
        if (!isAmd && X86Base.CpuId(0, 0).Eax < intel) return null;
        for (int cache = 0; ; cache++)
        {
            var (a, b, sets, _) = X86Base.CpuId(isAmd ? amd : intel, cache);
            int type = a & 31, level = a >> 5 & 7;
            if (type == 0) return null;
            if (type != instructions && level == 2) return ((b >>> 22) + 1) * ((b >> 12 & 1023) + 1) * ((b & 4095) + 1) * (sets + 1);
        }
    }
}
