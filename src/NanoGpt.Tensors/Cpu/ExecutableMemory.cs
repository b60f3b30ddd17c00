using System.Runtime.InteropServices;

namespace NanoGpt.Tensors.Cpu;

/// <summary>Machine code that was made at run time, in memory that is never writable and executable at once. Lives as long as the process.</summary>
internal static unsafe partial class ExecutableMemory
{
    /// <summary>Places code; null where the system does not allow it.</summary>
    public static void* Place(ReadOnlySpan<byte> code)
    {
        if (OperatingSystem.IsWindows()) return PlaceOnWindows(code);
        if (OperatingSystem.IsLinux() || OperatingSystem.IsMacOS() || OperatingSystem.IsFreeBSD()) return PlaceOnUnix(code);
        return null;
    }

    static void* PlaceOnUnix(ReadOnlySpan<byte> code)
    {
        const int read = 1, write = 2, execute = 4, @private = 2;
        int anonymous = OperatingSystem.IsLinux() ? 0x20 : 0x1000;
        nint memory = mmap(0, (nuint)code.Length, read | write, @private | anonymous, -1, 0);
        if (memory == -1) return null;
        code.CopyTo(new Span<byte>((void*)memory, code.Length));
        return mprotect(memory, (nuint)code.Length, read | execute) == 0 ? (void*)memory : null;
    }

    static void* PlaceOnWindows(ReadOnlySpan<byte> code)
    {
        const uint commitAndReserve = 0x3000, readWrite = 0x04, executeRead = 0x20;
        void* memory = VirtualAlloc(null, (nuint)code.Length, commitAndReserve, readWrite);
        if (memory == null) return null;
        code.CopyTo(new Span<byte>(memory, code.Length));
        return VirtualProtect(memory, (nuint)code.Length, executeRead, out _) != 0 ? memory : null;
    }

    [LibraryImport("libc")]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc")]
    private static partial int mprotect(nint address, nuint length, int protection);

    [LibraryImport("kernel32")]
    private static partial void* VirtualAlloc(void* address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32")]
    private static partial int VirtualProtect(void* address, nuint size, uint protection, out uint before);
}
