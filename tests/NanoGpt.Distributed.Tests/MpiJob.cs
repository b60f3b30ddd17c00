using System.Runtime.InteropServices;
using NanoGpt.Cli.Tests;

namespace NanoGpt.Distributed.Tests;

/// <summary>The program under a real <c>mpirun</c>.</summary>
static partial class MpiJob
{
    /// <summary>The launchers of the two families.</summary>
    public static TheoryData<string> Flavours => ["openmpi", "mpich"];

    /// <summary>Starts ranks, or skips the test where the launcher is missing.</summary>
    public static RunningProgram Start(Workplace work, string flavour, int ranks, params IReadOnlyList<string> arguments) => StartEach(work, flavour, (ranks, arguments));

    /// <summary>Starts groups of ranks that have each a command line of their own.</summary>
    public static RunningProgram StartEach(Workplace work, string flavour, params (int Ranks, IReadOnlyList<string> Arguments)[] groups) =>
        StartPrograms(work, flavour, [.. groups.Select(group => (group.Ranks, (IReadOnlyList<string>)[.. RunningProgram.Program, .. group.Arguments]))]);

    /// <summary>Starts groups of ranks that are each a program of their own.</summary>
    public static RunningProgram StartPrograms(Workplace work, string flavour, params (int Ranks, IReadOnlyList<string> Line)[] groups)
    {
        string mpirun = $"mpirun.{flavour}";
        Assert.SkipUnless(IsThere(mpirun), $"There is no {mpirun} on this machine; .ci/run installs it.");
        // Open MPI wants to be told that it may run as root, and that there may be more ranks than cores.
        (string, string)[] variables = [("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"), ("OMPI_MCA_rmaps_base_oversubscribe", "1"), ("OMPI_MCA_hwloc_base_binding_policy", "none")];
        foreach (var (name, value) in variables) work.Environment[name] = value;
        string[] line = [mpirun, .. groups.SelectMany((group, i) => (string[])[.. i == 0 ? [] : new[] { ":" }, "-n", $"{group.Ranks}", .. group.Line])];
        return new RunningProgram(line, work.Root, environment: work.Environment);
    }

    /// <summary>Runs ranks to their end.</summary>
    public static Outcome Run(Workplace work, string flavour, int ranks, params IReadOnlyList<string> arguments)
    {
        using var job = Start(work, flavour, ranks, arguments);
        return job.Wait();
    }

    /// <summary>The process of a rank of a job that is under way.</summary>
    public static int ProcessOf(RunningProgram job, int rank) => FindProcess(job, rank) ?? throw new InvalidOperationException($"There is no process of rank {rank}.");

    /// <summary>The process of a rank, or null where it has ended.</summary>
    public static int? FindProcess(RunningProgram job, int rank)
    {
        var parents = Directory.EnumerateDirectories("/proc").Select(path => Path.GetFileName(path)).Where(name => int.TryParse(name, out _))
            .Select(name => (Id: int.Parse(name, System.Globalization.CultureInfo.InvariantCulture), Parent: ParentOf(name))).ToDictionary(p => p.Id, p => p.Parent);
        foreach (int id in parents.Keys)
        {
            int ancestor = id;
            while (ancestor > 1 && ancestor != job.Id) ancestor = parents.GetValueOrDefault(ancestor);
            if (ancestor != job.Id || !Read(id, "cmdline").Contains("nanogpt.dll", StringComparison.Ordinal)) continue;
            string[] environment = Read(id, "environ").Split('\0');
            if (environment.Contains($"OMPI_COMM_WORLD_RANK={rank}") || environment.Contains($"PMI_RANK={rank}")) return id;
        }
        return null;

        static int ParentOf(string id) => Read(int.Parse(id, System.Globalization.CultureInfo.InvariantCulture), "stat") is { Length: > 0 } stat
            ? int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture) : 0;
    }

    /// <summary>Sends a signal by its number: 9 KILL, 10 USR1, 15 TERM, 19 STOP.</summary>
    public static void Signal(int process, int signal) => Assert.Equal(0, Kill(process, signal));

    static string Read(int id, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/{file}");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return "";      // it has ended meanwhile
        }
    }

    static bool IsThere(string program) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
