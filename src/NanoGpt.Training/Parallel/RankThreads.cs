using NanoGpt.Distributed;

namespace NanoGpt.Training;

/// <summary>How many threads a rank computes with, where <c>threads</c> leaves it open.</summary>
public static class RankThreads
{
    /// <summary>
    /// The cores that this process may use, shared evenly among the ranks of the host that may use the same ones: a launcher that
    /// binds each rank to cores of its own leaves nothing to share.
    /// </summary>
    /// <param name="threads">What the user wants; 0 leaves it open.</param>
    /// <param name="ranks">The ranks.</param>
    public static int Of(int threads, Communicator ranks)
    {
        if (threads > 0) return threads;
        if (ranks.Size == 1) return Environment.ProcessorCount;
        string[] places = ranks.AllGather($"{ranks.Host} {Cores()}", "the cores of each rank");
        return Math.Max(1, Environment.ProcessorCount / places.Count(place => place == places[ranks.Rank]));
    }

    /// <summary>The cores that this process may use, as Linux writes them.</summary>
    static string Cores()
    {
        const string status = "/proc/self/status", allowed = "Cpus_allowed_list:";
        return File.Exists(status) ? File.ReadLines(status).FirstOrDefault(line => line.StartsWith(allowed, StringComparison.Ordinal))?[allowed.Length..].Trim() ?? "" : "";
    }
}
