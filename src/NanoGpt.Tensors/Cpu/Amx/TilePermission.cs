using System.Runtime.InteropServices;
using NanoGpt.Tensors.Cpu.Bf16;

namespace NanoGpt.Tensors.Cpu.Amx;

/// <summary>
/// Whether tiles may be used here. Three must agree: the processor, the system, which has to save the registers, and, on Linux, the kernel once more, which
/// gives each process the 8 KB per thread only on request.
/// </summary>
internal static unsafe partial class TilePermission
{
    const int ConfigurationState = 17, DataState = 18;        // numbers of the two parts of the state

    /// <summary>Whether this process may use tiles, in all its threads; asked for on first use.</summary>
    public static bool Granted { get; } = CpuFeatures.HasTileInstructions && SystemSavesTiles() && Request();

    static bool SystemSavesTiles()
    {
        var read = (delegate* unmanaged<ulong>)ExecutableMemory.Place(AmxAssembler.ExtendedControl());
        const ulong both = 1 << ConfigurationState | 1 << DataState;
        return read != null && (read() & both) == both;
    }

    /// <summary>
    /// On Linux the request holds for the process, for threads that are and that will be. It is refused where an alternate stack for signals is too
    /// small for a frame with tiles, some 12 KB: .NET's are 16. Windows gives a thread its tiles when it first uses them.
    /// </summary>
    static bool Request()
    {
        const long archPrctl = 158, requestPermission = 0x1023;
        return OperatingSystem.IsWindows() || OperatingSystem.IsLinux() && syscall(archPrctl, requestPermission, DataState) == 0;
    }

    [LibraryImport("libc")]
    private static partial long syscall(long number, long code, long argument);
}
