using System.Runtime.InteropServices;

namespace NanoGpt.Tensors.Cpu;

/// <summary>Aligned native memory. Large runs ask for huge pages where the system has them: a step touches gigabytes, and 4 KB pages would keep missing the TLB.</summary>
internal static unsafe partial class CpuMemory
{
    const nuint Alignment = 128, HugePage = 2 << 20;
    const int AdviseHugePages = 14;         // MADV_HUGEPAGE

    public static nint Allocate(long bytes)
    {
        bool huge = bytes >= (long)(4 * HugePage) && OperatingSystem.IsLinux();
        void* p = NativeMemory.AlignedAlloc((nuint)bytes, huge ? HugePage : Alignment);
        if (huge) _ = madvise((nint)p, (nuint)bytes, AdviseHugePages);      // advice only: nothing is lost if it is refused
        return (nint)p;
    }

    public static void Free(nint address)
    {
        NativeMemory.AlignedFree((void*)address);
    }

    [LibraryImport("libc")]
    private static partial int madvise(nint address, nuint length, int advice);
}
