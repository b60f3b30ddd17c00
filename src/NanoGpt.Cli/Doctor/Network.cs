using System.Diagnostics;
using System.Runtime.InteropServices;
using NanoGpt.Distributed;

namespace NanoGpt.Cli;

/// <summary>How fast messages go between all pairs of ranks, one pair at a time.</summary>
/// <param name="Hosts">The host of each rank.</param>
/// <param name="Latency">Seconds that a message of 8 bytes takes one way, rank by rank.</param>
/// <param name="Bandwidth">Bytes per second of messages of 4 MB.</param>
sealed record Network(IReadOnlyList<string> Hosts, double[,] Latency, double[,] Bandwidth)
{
    const int SmallBytes = 8, SmallRounds = 10, SmallRepeats = 20;
    const int LargeBytes = 4 << 20, LargeRounds = 1, LargeRepeats = 2;

    static readonly TimeSpan progress = TimeSpan.FromSeconds(2);

    /// <summary>Every pair once, with the lower rank first.</summary>
    public IEnumerable<(int A, int B)> Pairs => from a in Enumerable.Range(0, Hosts.Count) from b in Enumerable.Range(a + 1, Hosts.Count - a - 1) select (a, b);

    /// <summary>Measures; all ranks take part, and all get the result.</summary>
    public static Network Measure(Communicator ranks)
    {
        int size = ranks.Size, done = 0;
        var network = new Network(ranks.Hosts, new double[size, size], new double[size, size]);
        var pairs = network.Pairs.ToList();
        var mine = new double[2 * size];
        long told = Stopwatch.GetTimestamp();
        foreach (var (a, b) in pairs)
        {
            ranks.Report(-1, $"measuring between ranks {a} and {b}");
            ranks.Barrier($"the measurement between ranks {a} and {b}");
            if (ranks.Rank == a || ranks.Rank == b)
            {
                int partner = ranks.Rank == a ? b : a;
                mine[partner] = Best(ranks, partner, SmallBytes, SmallRounds, SmallRepeats);
                mine[size + partner] = LargeBytes / Best(ranks, partner, LargeBytes, LargeRounds, LargeRepeats);
            }
            done++;
            if (Stopwatch.GetElapsedTime(told) < progress || done == pairs.Count) continue;
            told = Stopwatch.GetTimestamp();
            if (ranks.IsFirst) Console.Error.WriteLine($"  {done:N0} of {pairs.Count:N0} pairs of ranks");
        }
        var all = MemoryMarshal.Cast<byte, double>(ranks.AllGather(MemoryMarshal.AsBytes<double>(mine), "what each rank measured"));
        foreach (var (a, b) in pairs)
        {
            network.Latency[a, b] = network.Latency[b, a] = all[a * 2 * size + b];
            network.Bandwidth[a, b] = network.Bandwidth[b, a] = all[a * 2 * size + size + b];
        }
        return network;
    }

    /// <summary>The best of several, for others use machine and network, too.</summary>
    static double Best(Communicator ranks, int partner, int bytes, int rounds, int repeats) =>
        Enumerable.Range(0, repeats).Min(_ => ranks.PingPong(partner, bytes, rounds, $"messages between ranks {Math.Min(ranks.Rank, partner)} and {Math.Max(ranks.Rank, partner)}").TotalSeconds);
}
