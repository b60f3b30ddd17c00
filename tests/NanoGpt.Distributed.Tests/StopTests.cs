using System.Diagnostics;
using NanoGpt.Cli.Tests;

namespace NanoGpt.Distributed.Tests;

/// <summary>A wish to stop on one rank is one of all.</summary>
public class StopTests
{
    const int Usr1 = 10, Term = 15;

    static readonly string[] run = ["train", .. Workplace.Tiny, "--gradient_accumulation_steps=4", "--max_iters=5000", "--lr_decay_iters=5000", "--eval_interval=100000", "--sample_tokens=0"];

    [Theory]
    [InlineData("openmpi", 1, Term)]
    [InlineData("openmpi", 0, Usr1)]
    [InlineData("mpich", 1, Usr1)]
    [InlineData("mpich", 0, Term, "--shard_optimizer=True")]
    public void A_signal_to_one_rank_saves_once_and_the_resumed_run_equals_one_that_was_never_stopped(string flavour, int rank, int signal, params string[] keys)
    {
        using var work = Workplace.WithData();
        using (var job = MpiJob.Start(work, flavour, 2, [.. run, .. keys, "--out_dir=stopped"]))
        {
            Assert.True(job.WaitFor("\niter 50:"));
            var clock = Stopwatch.StartNew();
            MpiJob.Signal(MpiJob.ProcessOf(job, rank), signal);
            var outcome = job.Wait();
            Assert.True(outcome.ExitCode == 3, $"exit code {outcome.ExitCode}:\n{outcome.Output}\n{outcome.Error}");
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"it took {clock.Elapsed}");
            Assert.Contains("train --out_dir=stopped --init_from=resume", outcome.Output);
            Assert.Single(outcome.Output.Split('\n'), line => line.StartsWith("saving checkpoint", StringComparison.Ordinal));
        }
        int done = work.Losses("stopped").Length;
        Assert.InRange(done, 50, 4999);
        string[] longer = ["--out_dir=stopped", "--init_from=resume", $"--max_iters={done + 200}"];
        MpiJob.Run(work, flavour, 2, ["train", .. longer]).Succeeded();
        MpiJob.Run(work, flavour, 2, [.. run, .. keys, $"--max_iters={done + 200}", "--out_dir=whole"]).Succeeded();
        // The two have different ends, and so other evaluations there; the steps are the same.
        Assert.Equal(Steps("whole"), Steps("stopped"));

        string[] Steps(string folder) => [.. work.Losses(folder).Where(line => line.Contains(" loss=", StringComparison.Ordinal))];
    }

    [Theory]
    [MemberData(nameof(MpiJob.Flavours), MemberType = typeof(MpiJob))]
    public void A_signal_during_an_evaluation_is_heard(string flavour)
    {
        using var work = Workplace.WithData();
        MpiJob.Run(work, flavour, 2, [.. run, "--max_iters=19", "--out_dir=out"]).Succeeded();
        using var job = MpiJob.Start(work, flavour, 2, "train", "--out_dir=out", "--init_from=resume", "--max_iters=30", "--eval_interval=22", "--eval_iters=10000000");
        Assert.True(job.WaitFor("\niter 21:"));
        AssertStops(job, "step-00000022");
    }

    [Theory]
    [MemberData(nameof(MpiJob.Flavours), MemberType = typeof(MpiJob))]
    public void A_signal_while_rank_0_writes_text_is_heard(string flavour)
    {
        using var work = Workplace.WithData();
        using var job = MpiJob.Start(work, flavour, 2, [.. run, "--out_dir=out", "--sample_interval=5", "--sample_tokens=10000000"]);
        Assert.True(job.WaitFor("\niter 4:"));
        AssertStops(job, "step-00000005");
    }

    /// <summary>Half a second on, a signal to rank 1: the job saves this checkpoint and ends within seconds.</summary>
    static void AssertStops(RunningProgram job, string checkpoint)
    {
        Thread.Sleep(500);
        MpiJob.Signal(MpiJob.ProcessOf(job, 1), Term);
        var clock = Stopwatch.StartNew();
        var outcome = job.Wait();
        Assert.Equal(3, outcome.ExitCode);
        // A second or two; but ranks that poll share the cores with other tests.
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"it took {clock.Elapsed}");
        Assert.Contains(checkpoint, outcome.Output);
    }

    [Fact]
    public void One_process_gives_an_unfinished_step_up()
    {
        using var work = Workplace.WithData();
        using var program = work.Start([.. run, "--out_dir=out", "--gradient_accumulation_steps=1000000", "--eval_iters=1"]);
        Assert.True(program.WaitFor("\nstep 0:"));
        program.Signal(System.Runtime.InteropServices.PosixSignal.SIGTERM);
        var outcome = program.Wait();
        Assert.Equal(130, outcome.ExitCode);
        Assert.Contains("stopped before the first step", outcome.Output);
    }
}
