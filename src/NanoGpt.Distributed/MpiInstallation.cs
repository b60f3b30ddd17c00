using System.Diagnostics;
using NanoGpt.Distributed.Mpi;

namespace NanoGpt.Distributed;

/// <summary>An MPI library on this machine.</summary>
/// <param name="Version">Its name and version in its own words.</param>
/// <param name="Path">The file, where the system tells.</param>
public sealed record MpiInstallation(string Version, string? Path)
{
    /// <summary>The environment variable that names a library.</summary>
    public const string Variable = MpiLibrary.Variable;

    /// <summary>Those that are found without a launcher, or the one that <c>NANOGPT_MPI</c> names. They are loaded, but not started.</summary>
    public static IReadOnlyList<MpiInstallation> Find()
    {
        var found = MpiLibrary.OnThisMachine().ToList();
        using var process = Process.GetCurrentProcess();
        var modules = process.Modules.Cast<ProcessModule>().ToList();
        return [.. found.Select(mpi => new MpiInstallation(mpi.Version, modules.Find(module => mpi.Entry >= module.BaseAddress && mpi.Entry < module.BaseAddress + module.ModuleMemorySize)?.FileName))];
    }

    /// <summary>How a flavour is installed on Debian and its descendants.</summary>
    public static string Command(MpiFlavour flavour) => "apt-get install " + (flavour == MpiFlavour.OpenMpi ? "openmpi-bin libopenmpi-dev" : "mpich");
}
