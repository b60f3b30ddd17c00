using System.Text.Json.Nodes;
using NanoGpt.Data;
using NanoGpt.Distributed;

namespace NanoGpt.Cli;

/// <summary>What others have installed that is used where it is there: DuckDB, MPI, a launcher.</summary>
static class Software
{
    public static IReadOnlyList<Check> Checks => [new("duckdb", DuckDb), new("mpi", Mpi), new("launcher", LaunchedBy)];

    static Finding DuckDb()
    {
        try
        {
            var duckDb = DuckDbInstallation.Find();
            return new($"{duckDb.Version}, {duckDb.Path}", new JsonObject { ["version"] = duckDb.Version, ["path"] = duckDb.Path });
        }
        catch (FileNotFoundException fault)
        {
            return new("none", null, fault.Message.TrimEnd('.'));
        }
    }

    static Finding Mpi()
    {
        var found = MpiInstallation.Find();
        if (found.Count > 0)
            return new(string.Join("; ", found.Select(mpi => $"{mpi.Version}, {mpi.Path}")), new JsonArray([.. found.Select(mpi => new JsonObject { ["version"] = mpi.Version, ["path"] = mpi.Path })]));
        return new("none", null, Environment.GetEnvironmentVariable(MpiInstallation.Variable) is { Length: > 0 } named
            ? $"{MpiInstallation.Variable} names '{named}', which is no MPI library that can be loaded; name a file such as libmpi.so.40 or libmpich.so.12"
            : $"to train with several processes, on Debian: {MpiInstallation.Command(MpiFlavour.OpenMpi)} (or: {MpiInstallation.Command(MpiFlavour.Mpich)}); {MpiInstallation.Variable}=FILE names a library elsewhere");
    }

    static Finding LaunchedBy()
    {
        var launcher = Launcher.Detect();
        return launcher.Name.Length == 0 ? new("none; this is one process", null)
            : new($"{launcher.Name}, rank {launcher.Rank} of {launcher.Ranks}", new JsonObject { ["name"] = launcher.Name, ["rank"] = launcher.Rank, ["size"] = launcher.Ranks });
    }
}
