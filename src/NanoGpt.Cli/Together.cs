using NanoGpt.Distributed;

namespace NanoGpt.Cli;

/// <summary>A command that all ranks of a job run together: rank 0 alone speaks, and a fault on any of them ends all.</summary>
static class Together
{
    /// <summary>A fault that all ranks meet is told by rank 0, which ends the others before they speak. Open MPI takes a second for it: it asks first.</summary>
    static readonly TimeSpan politeness = TimeSpan.FromSeconds(2.5);

    /// <summary>A launcher that ends a job may drop what its ranks have just said.</summary>
    static readonly TimeSpan relay = TimeSpan.FromSeconds(0.3);

    public static int Run(Func<Communicator, int> command)
    {
        using var ranks = Communicator.Start();
        if (ranks.Size > 1 || Launcher.Detect().Name == "mpirun") Environment.SetEnvironmentVariable("TERM", "dumb");     // Open MPI's pretends that a rank has a terminal
        if (ranks.Size == 1) return command(ranks);
        if (!ranks.IsFirst) Console.SetOut(TextWriter.Null);
        ranks.Lost = message =>
        {
            Console.Error.WriteLine($"error: {message}");
            Thread.Sleep(relay);
        };
        try
        {
            return command(ranks);
        }
        catch (Exception fault)
        {
            if (!ranks.IsFirst) Thread.Sleep(politeness);
            int code = Fault.Report(fault, $"rank {ranks.Rank} on {ranks.Host}{(ranks.Step < 0 ? "" : $", at step {ranks.Step}")}: ");
            Thread.Sleep(relay);
            ranks.Abort(code);
            return code;
        }
    }
}
