using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json.Nodes;

namespace NanoGpt.Cli;

/// <summary>Whether this is a Slurm cluster, and a job of it.</summary>
static class Slurm
{
    static readonly TimeSpan patience = TimeSpan.FromSeconds(3);

    static readonly string[] variables =
    [
        "SLURM_CLUSTER_NAME", "SLURM_JOB_ID", "SLURM_JOB_NAME", "SLURM_JOB_PARTITION", "SLURM_JOB_NODELIST", "SLURM_JOB_NUM_NODES", "SLURM_NTASKS", "SLURM_NTASKS_PER_NODE",
        "SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE", "SLURM_MEM_PER_NODE", "SLURM_STEP_ID", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_RESTART_COUNT",
    ];

    public static IReadOnlyList<Check> Checks => [new("slurm", Version), new("slurm job", Job)];

    static Finding Version()
    {
        if (Ask("sinfo", "--version") is not { } sinfo) return new("none", null, "only needed on a cluster, which has it; on Debian: apt-get install slurm-client");
        if (sinfo.ExitCode != 0) return new($"installed, but not to be used here ({sinfo.Line})", null, "a machine that belongs to a cluster has a slurm.conf; SLURM_CONF=FILE names it");
        string plugins = Ask("srun", "--mpi=list") is { ExitCode: 0 } list ? string.Join(", ", list.Text.Split('\n').Skip(1).Select(line => line.Trim().Split(':')[^1].Trim()).Where(name => name.Length > 0 && name != "none")) : "";
        return new($"{sinfo.Line}{(plugins.Length > 0 ? $", srun --mpi={plugins}" : "")}", new JsonObject { ["version"] = sinfo.Line, ["mpi"] = plugins });
    }

    static Finding Job()
    {
        var set = variables.Select(name => (Name: name, Value: Environment.GetEnvironmentVariable(name))).Where(variable => variable.Value is not null).ToList();
        return Environment.GetEnvironmentVariable("SLURM_JOB_ID") is null ? new("none; this process belongs to no job", null)
            : new(string.Join(", ", set.Select(variable => $"{variable.Name["SLURM_".Length..].ToLowerInvariant()} {variable.Value}")),
                new JsonObject(set.Select(variable => KeyValuePair.Create(variable.Name, (JsonNode?)variable.Value))));
    }

    /// <summary>What a program says, or null where it is not there. One that takes too long has failed.</summary>
    static (int ExitCode, string Line, string Text)? Ask(string program, string argument)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, argument) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var output = process.StandardOutput.ReadToEndAsync();
            var error = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(patience))
            {
                process.Kill(entireProcessTree: true);
                return (-1, $"no answer within {patience.TotalSeconds:0} s", "");
            }
            string text = output.Result.Trim().Length > 0 ? output.Result : error.Result;
            return (process.ExitCode, text.Trim().Split('\n')[0].Trim(), text);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
