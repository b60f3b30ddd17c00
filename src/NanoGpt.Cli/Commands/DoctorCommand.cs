using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using NanoGpt.Distributed;

namespace NanoGpt.Cli;

/// <summary><c>nanogpt doctor</c>: what this machine has, what it can do, and what is missing.</summary>
static class DoctorCommand
{
    const int NameWidth = 18;

    static readonly JsonSerializerOptions plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        var outDir = PythonOption.Text("--out_dir", ".", "the folder whose disk is measured; 256 MB are written there and removed");
        var net = new Option<bool>("--net") { Description = "under mpirun or srun: measure latency and bandwidth between all ranks, too" };
        var json = new Option<bool>("--json") { Description = "print one line of JSON instead of a table" };
        var command = new DocumentedCommand("doctor", "Shows what this machine has for training, measures it, and says what to do where something is missing.", """
              nanogpt doctor                                     takes about five seconds
              nanogpt doctor --out_dir=/scratch/me/out           is that disk fast enough?
              mpirun -n 4 nanogpt doctor --net                   how fast are messages between the ranks?
              srun --mpi=pmi2 nanogpt doctor --net --json        one line for a script
            """) { outDir, net, json };
        command.SetAction(result =>
        {
            IReadOnlyList<Check> checks = [.. Machine.Checks, .. Software.Checks, .. Slurm.Checks, .. Speed.Checks, Disk.Of(result.GetValue(outDir)!)];
            if (result.GetValue(net)) return Together.Run(ranks => Run(checks, ranks, result.GetValue(json)));
            // Without --net MPI is not started; of the ranks of a launcher the first looks at its host, undisturbed by the others.
            return Launcher.Detect().Rank > 0 ? ExitCode.Success : Run(checks, null, result.GetValue(json));
        });
        return command;
    }

    static int Run(IReadOnlyList<Check> checks, Communicator? ranks, bool json)
    {
        if (ranks is { Size: 1 }) throw new ArgumentException($"--net measures between ranks, and this is one process; start several: mpirun -n 2 {Invocation.Of("doctor", "--net")}");
        var (values, advice) = (new JsonObject(), new JsonObject());
        if (ranks is null || ranks.IsFirst)
        {
            foreach (var check in checks)
            {
                ranks?.Report(-1, "examining its host", patience: 10);
                if (!json) Console.Write(check.Name.PadRight(NameWidth));       // while it looks, the name says at what
                var finding = Look(check);
                if (!json) Console.WriteLine(finding.Text);
                if (!json && finding.Advice is { } what) Console.WriteLine($"{"",NameWidth}→ {what}");
                string key = check.Name.Replace(' ', '_');
                values[key] = finding.Value;
                if (finding.Advice is not null) advice[key] = finding.Advice;
            }
        }
        if (ranks is not null)
        {
            ranks.Barrier("the checks of rank 0");
            var network = Network.Measure(ranks);
            values["network"] = NetworkTable.Json(network);
            if (!json) NetworkTable.Write(network, ranks.Description);
        }
        values["advice"] = advice;
        if (json) Console.WriteLine(values.ToJsonString(plain));
        return ExitCode.Success;
    }

    /// <summary>A check that fails has found something, too.</summary>
    static Finding Look(Check check)
    {
        try
        {
            return check.Look();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidOperationException or EntryPointNotFoundException or OutOfMemoryException)
        {
            return new("cannot be told", null, fault.Message.TrimEnd('.'));
        }
    }
}
