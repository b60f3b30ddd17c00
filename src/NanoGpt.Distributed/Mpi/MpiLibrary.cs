using System.Runtime.InteropServices;
using System.Text;

namespace NanoGpt.Distributed.Mpi;

/// <summary>
/// MPI's C ABI, the few functions and handles that are used here. The library is looked up at run time: the environment variable
/// <c>NANOGPT_MPI</c> (a file), then the names under which the launcher's flavour is installed.
/// </summary>
internal sealed unsafe partial class MpiLibrary
{
    public const string Variable = "NANOGPT_MPI";

    // A handle is an address in Open MPI and a 32-bit number in MPICH; both travel in a register of 64 bits.
    public readonly nint World, Byte, InPlace, IgnoreStatus;
    public readonly int AnySource;

    public readonly delegate* unmanaged[Cdecl]<nint, nint, int, int*, int> InitThread;
    public readonly delegate* unmanaged[Cdecl]<int> Finalize;
    public readonly delegate* unmanaged[Cdecl]<nint, int, int> Abort;
    public readonly delegate* unmanaged[Cdecl]<nint, int*, int> CommRank, CommSize;
    public readonly delegate* unmanaged[Cdecl]<nint, nint*, int> Ibarrier;
    public readonly delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, nint*, int> Ibcast;
    public readonly delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, nint, nint*, int> Iallgather;
    public readonly delegate* unmanaged[Cdecl]<void*, int, nint, void*, int*, int*, nint, nint, nint*, int> Iallgatherv;
    public readonly delegate* unmanaged[Cdecl]<void*, int*, int*, nint, void*, int*, int*, nint, nint, nint*, int> Ialltoallv;
    public readonly delegate* unmanaged[Cdecl]<nint*, int*, nint, int> Test;
    public readonly delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint*, int> Isend, Irecv;
    public readonly delegate* unmanaged[Cdecl]<int, int, nint, int*, nint, int> Iprobe;
    public readonly delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint, int> Recv;

    MpiLibrary(nint library)
    {
        void* Function(string name) => (void*)NativeLibrary.GetExport(library, "MPI_" + name);
        InitThread = (delegate* unmanaged[Cdecl]<nint, nint, int, int*, int>)Function("Init_thread");
        Finalize = (delegate* unmanaged[Cdecl]<int>)Function("Finalize");
        Abort = (delegate* unmanaged[Cdecl]<nint, int, int>)Function("Abort");
        CommRank = (delegate* unmanaged[Cdecl]<nint, int*, int>)Function("Comm_rank");
        CommSize = (delegate* unmanaged[Cdecl]<nint, int*, int>)Function("Comm_size");
        Ibarrier = (delegate* unmanaged[Cdecl]<nint, nint*, int>)Function("Ibarrier");
        Ibcast = (delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, nint*, int>)Function("Ibcast");
        Iallgather = (delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, nint, nint*, int>)Function("Iallgather");
        Iallgatherv = (delegate* unmanaged[Cdecl]<void*, int, nint, void*, int*, int*, nint, nint, nint*, int>)Function("Iallgatherv");
        Ialltoallv = (delegate* unmanaged[Cdecl]<void*, int*, int*, nint, void*, int*, int*, nint, nint, nint*, int>)Function("Ialltoallv");
        Test = (delegate* unmanaged[Cdecl]<nint*, int*, nint, int>)Function("Test");
        Isend = (delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint*, int>)Function("Isend");
        Iprobe = (delegate* unmanaged[Cdecl]<int, int, nint, int*, nint, int>)Function("Iprobe");
        Irecv = (delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint*, int>)Function("Irecv");
        Recv = (delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint, int>)Function("Recv");
        Version = VersionOf(library);

        if (NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out World))
        {
            Byte = NativeLibrary.GetExport(library, "ompi_mpi_byte");
            (InPlace, IgnoreStatus, AnySource) = (1, 0, -1);
        }
        else
        {
            // The numbers of the MPICH ABI initiative (2013), which every library of the family keeps.
            (World, Byte) = (0x44000000, 0x4c00010d);
            (InPlace, IgnoreStatus, AnySource) = (-1, 1, -2);
        }
    }

    /// <summary>The library's name and version in its own words, as in "Open MPI v4.1.4".</summary>
    public string Version { get; }

    /// <summary>Loads the library of a launcher.</summary>
    /// <exception cref="FileNotFoundException">It is not on this machine; the message says how to get it.</exception>
    public static MpiLibrary Load(Launcher launcher)
    {
        KeepSignals();
        string? named = Environment.GetEnvironmentVariable(Variable);
        if (!string.IsNullOrEmpty(named))
        {
            return NativeLibrary.TryLoad(named, out nint chosen) && NativeLibrary.TryGetExport(chosen, "MPI_Init_thread", out _) ? new(chosen)
                : throw new FileNotFoundException($"{Variable} names '{named}', which is no MPI library that can be loaded; name a file such as libmpi.so.40 or libmpich.so.12.");
        }
        foreach (var flavour in launcher.Flavours)
            foreach (string name in Names(flavour))
                if (NativeLibrary.TryLoad(name, out nint library)) return new(library);
        throw new FileNotFoundException($"{launcher.Name} started {launcher.Ranks} ranks, but the MPI library they would talk through is not on this machine; " +
            $"get it with '{string.Join("' or '", launcher.Flavours.Select(MpiInstallation.Command))}', or let {Variable} name its file.");
    }

    /// <summary>The libraries that are on this machine, in whatever flavour; loaded, but not started.</summary>
    public static IEnumerable<(nint Entry, string Version)> OnThisMachine()
    {
        KeepSignals();
        string? named = Environment.GetEnvironmentVariable(Variable);
        IEnumerable<string[]> all = string.IsNullOrEmpty(named) ? Enum.GetValues<MpiFlavour>().Select(Names) : [[named]];
        foreach (string[] names in all)
            foreach (string name in names)
            {
                if (!NativeLibrary.TryLoad(name, out nint library) || !NativeLibrary.TryGetExport(library, "MPI_Init_thread", out nint entry)) continue;
                yield return (entry, VersionOf(library));
                break;
            }
    }

    static string VersionOf(nint library)
    {
        var version = (delegate* unmanaged[Cdecl]<byte*, int*, int>)NativeLibrary.GetExport(library, "MPI_Get_library_version");
        byte* text = stackalloc byte[8192];
        int length;
        version(text, &length);
        return Encoding.UTF8.GetString(text, length).Split('\n', ',')[0].Replace('\t', ' ').Trim();
    }

    static string[] Names(MpiFlavour flavour) =>
        OperatingSystem.IsMacOS() ? flavour == MpiFlavour.OpenMpi ? ["libmpi.40.dylib", "libmpi.dylib"] : ["libmpi.12.dylib", "libmpich.dylib", "libmpi.dylib"]
        : flavour == MpiFlavour.OpenMpi ? ["libmpi.so.40"] : ["libmpich.so.12", "libmpi.so.12"];

    /// <summary>UCX, beneath many an MPI, would take the signals over by which .NET notices a null reference.</summary>
    static void KeepSignals()
    {
        if (!OperatingSystem.IsWindows()) _ = setenv("UCX_HANDLE_ERRORS", "none", 0);
    }

    // The environment that .NET changes is its own copy; this is C's.
    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);
}
