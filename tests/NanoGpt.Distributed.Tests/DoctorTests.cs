using System.Text.Json;
using NanoGpt.Cli.Tests;

namespace NanoGpt.Distributed.Tests;

/// <summary><c>nanogpt doctor --net</c> under a real launcher.</summary>
public class DoctorTests
{
    [Theory]
    [MemberData(nameof(MpiJob.Flavours), MemberType = typeof(MpiJob))]
    public void The_network_between_all_ranks_is_measured(string flavour)
    {
        using var work = new Workplace();
        string output = MpiJob.Run(work, flavour, 3, "doctor", "--net", "--json").Succeeded().Output;
        using var json = JsonDocument.Parse(output.Split('\n').Single(line => line.StartsWith('{')));
        var network = json.RootElement.GetProperty("network");
        Assert.Equal(Enumerable.Repeat(Environment.MachineName, 3), network.GetProperty("hosts").EnumerateArray().Select(host => host.GetString()));
        foreach (var (matrix, least, most) in new[] { ("latency_us", 0.05, 1e6), ("bandwidth_gb_per_s", 0.001, 1e3) })
        {
            var rows = network.GetProperty(matrix).EnumerateArray().Select(row => row.EnumerateArray().ToArray()).ToArray();
            Assert.All(rows, row => Assert.Equal(3, row.Length));
            for (int a = 0; a < 3; a++)
                for (int b = 0; b < 3; b++)
                {
                    if (a == b) Assert.Equal(JsonValueKind.Null, rows[a][b].ValueKind);
                    else Assert.InRange(rows[a][b].GetDouble(), least, most);
                    if (a != b) Assert.Equal(rows[a][b].GetDouble(), rows[b][a].GetDouble());
                }
        }
        Assert.Equal((3, "mpirun"), (json.RootElement.GetProperty("launcher").GetProperty("size").GetInt32(), json.RootElement.GetProperty("launcher").GetProperty("name").GetString()));
    }

    [Theory]
    [MemberData(nameof(MpiJob.Flavours), MemberType = typeof(MpiJob))]
    public void The_table_names_both_directions_and_the_library(string flavour)
    {
        using var work = new Workplace();
        string output = MpiJob.Run(work, flavour, 2, "doctor", "--net").Succeeded().Output;
        Assert.Contains(flavour == "mpich" ? "MPICH Version: 4" : "Open MPI v", output);
        Assert.Matches(@"within a host +latency [\d.]+ µs, bandwidth [\d.]+ GB/s", output);
        Assert.Equal(4, output.Split('\n').Count(line => line.StartsWith("  rank ", StringComparison.Ordinal)));
        Assert.Single(output.Split('\n'), line => line.StartsWith("system ", StringComparison.Ordinal));        // one rank speaks
    }

    [Fact]
    public void Without_net_MPI_is_looked_at_but_not_started()
    {
        var found = MpiInstallation.Find();
        Assert.SkipWhen(found.Count == 0, "There is no MPI on this machine; .ci/run installs it.");
        Assert.All(found, mpi => Assert.Matches(@"\d+\.\d+", mpi.Version));
        Assert.All(found, mpi => Assert.True(!OperatingSystem.IsLinux() || File.Exists(mpi.Path)));
    }
}
