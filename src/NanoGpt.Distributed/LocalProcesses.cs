using System.Runtime.InteropServices;

namespace NanoGpt.Distributed;

/// <summary>
/// The processes of the other ranks on this host. One that was killed is gone at once, long before anybody misses its beats; and some
/// launchers give the others no more than a second.
/// </summary>
internal sealed partial class LocalProcesses
{
    const int NoSuchProcess = 3;        // ESRCH

    readonly int rank;
    readonly List<(int Rank, int Process)> others = [];

    /// <summary>Those on the same host as a rank.</summary>
    /// <param name="rank">The rank.</param>
    /// <param name="hosts">The host of each rank.</param>
    /// <param name="identities">The <see cref="Identity"/> of each rank.</param>
    public LocalProcesses(int rank, IReadOnlyList<string> hosts, IReadOnlyList<string> identities)
    {
        this.rank = rank;
        if (OperatingSystem.IsWindows()) return;
        string[] mine = identities[rank].Split(' ');
        for (int other = 0; other < hosts.Count; other++)
            // Containers may share a host's name, but not its numbers of processes.
            if (other != rank && hosts[other] == hosts[rank] && identities[other].Split(' ') is [var process, var space] && space == mine[1])
                others.Add((other, int.Parse(process, System.Globalization.CultureInfo.InvariantCulture)));
    }

    /// <summary>The number of this process, and within what it is one.</summary>
    public static string Identity => $"{Environment.ProcessId} {(OperatingSystem.IsLinux() ? new FileInfo("/proc/self/ns/pid").LinkTarget : "host")}";

    /// <summary>The ranks that are looked at.</summary>
    public IEnumerable<int> Ranks => others.Select(other => other.Rank);

    /// <summary>A rank whose process is gone; null where there is none, or where a lower rank of this host is there to say so.</summary>
    public int? Gone()
    {
        int? gone = null;
        foreach (var (other, process) in others)
        {
            bool there = kill(process, 0) == 0 || Marshal.GetLastPInvokeError() != NoSuchProcess;
            if (there && other < rank) return null;
            if (!there) gone ??= other;
        }
        return gone;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int process, int signal);
}
