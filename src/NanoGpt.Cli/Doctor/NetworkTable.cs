using System.Text.Json.Nodes;

namespace NanoGpt.Cli;

/// <summary>A measured network, to read.</summary>
static class NetworkTable
{
    const int LargestMatrix = 16;       // ranks whose matrix fits on a screen

    public static void Write(Network network, string library)
    {
        int size = network.Hosts.Count;
        Console.WriteLine($"\nnetwork           {size} ranks, hosts: {string.Join(", ", network.Hosts.Distinct())}; {library}; one way, one pair at a time");
        Summarize(network, "within a host", (a, b) => a == b);
        Summarize(network, "between hosts", (a, b) => a != b);
        if (size > LargestMatrix) return;
        Matrix(network.Hosts, "latency, µs", network.Latency, seconds => $"{seconds * 1e6:0.0}");
        Matrix(network.Hosts, "bandwidth, GB/s", network.Bandwidth, rate => $"{rate / 1e9:0.000}");
    }

    public static JsonObject Json(Network network) => new()
    {
        ["hosts"] = new JsonArray([.. network.Hosts.Select(host => JsonValue.Create(host))]),
        ["latency_us"] = Rows(network.Latency, 1e6),
        ["bandwidth_gb_per_s"] = Rows(network.Bandwidth, 1e-9),
    };

    static void Summarize(Network network, string where, Func<string, string, bool> counts)
    {
        var pairs = network.Pairs.Where(pair => counts(network.Hosts[pair.A], network.Hosts[pair.B])).ToList();
        if (pairs.Count == 0) return;
        var (a, b) = pairs.MinBy(pair => network.Bandwidth[pair.A, pair.B]);
        double latency = Median(pairs.Select(pair => network.Latency[pair.A, pair.B])), bandwidth = Median(pairs.Select(pair => network.Bandwidth[pair.A, pair.B]));
        Console.WriteLine($"  {where,-16}latency {latency * 1e6:0.0} µs, bandwidth {bandwidth / 1e9:0.000} GB/s" + (pairs.Count == 1 ? ""
            : $" (medians of {pairs.Count:N0} pairs; slowest: rank {a} on {network.Hosts[a]} with rank {b} on {network.Hosts[b]}, {network.Bandwidth[a, b] / 1e9:0.000} GB/s)"));
    }

    static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    static void Matrix(IReadOnlyList<string> hosts, string title, double[,] values, Func<double, string> format)
    {
        var ranks = Enumerable.Range(0, hosts.Count).ToList();
        Console.WriteLine($"\n  {title,-24}{string.Concat(ranks.Select(rank => $"{rank,9}"))}");
        foreach (int a in ranks)
            Console.WriteLine($"  rank {a,2} on {Short(hosts[a]),-13}{string.Concat(ranks.Select(b => $"{(a == b ? "-" : format(values[a, b])),9}"))}");
    }

    static string Short(string host) => host.Length <= 12 ? host : host[..11] + "…";

    static JsonArray Rows(double[,] values, double unit) => new([.. Enumerable.Range(0, values.GetLength(0)).Select(a =>
        (JsonNode)new JsonArray([.. Enumerable.Range(0, values.GetLength(1)).Select(b => a == b ? null : JsonValue.Create(Math.Round(values[a, b] * unit, 4)))]))]);
}
