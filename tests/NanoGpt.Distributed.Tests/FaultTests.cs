using System.Diagnostics;
using System.Text.RegularExpressions;
using NanoGpt.Cli.Tests;

namespace NanoGpt.Distributed.Tests;

/// <summary>A rank that is lost takes the job down; what it had saved is good.</summary>
public class FaultTests
{
    const int Kill = 9, Stop = 19;

    static readonly string[] run = ["train", .. Workplace.Tiny, "--gradient_accumulation_steps=4", "--max_iters=400", "--lr_decay_iters=400", "--eval_interval=50", "--checkpoint_interval=2", "--sample_tokens=0"];

    [Theory]
    [InlineData("openmpi", 1)]
    [InlineData("openmpi", 0)]
    [InlineData("mpich", 1)]
    public void A_rank_that_freezes_is_named_and_the_job_ends(string flavour, int rank)
    {
        using var work = Workplace.WithData();
        using var job = MpiJob.Start(work, flavour, 2, [.. run, "--out_dir=out", "--max_iters=1000000", "--watchdog=4"]);
        WaitForSteps(job);
        var clock = Stopwatch.StartNew();
        MpiJob.Signal(MpiJob.ProcessOf(job, rank), Stop);
        var outcome = job.Wait();
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(15), $"it took {clock.Elapsed}");
        Assert.NotEqual(0, outcome.ExitCode);
        string error = Error(outcome);
        Assert.Matches($@"^error: rank {rank} on {Environment.MachineName} has given no sign of life for \d s \(at step \d+, (training|evaluating|saving a checkpoint)\)", error);
        if (rank > 0) Assert.Matches(@"; waiting in '.+': rank 0; the job ends here; the last checkpoint is good", error);
    }

    [Theory]
    [InlineData("openmpi", 1)]
    [InlineData("openmpi", 0)]
    [InlineData("mpich", 1)]
    public void A_rank_in_an_endless_loop_is_named_and_the_job_ends(string flavour, int rank)
    {
        using var work = Workplace.WithData();
        work.Environment["DOTNET_STARTUP_HOOKS"] = typeof(StartupHook).Assembly.Location;
        work.Environment[StartupHook.Rank] = $"{rank}";
        work.Environment[StartupHook.File] = work["loop"];
        using var job = MpiJob.Start(work, flavour, 2, [.. run, "--out_dir=out", "--max_iters=1000000", "--eval_interval=1000000", "--checkpoint_interval=0", "--watchdog=4"]);
        WaitForSteps(job);
        var clock = Stopwatch.StartNew();
        work.Write("loop", "");
        var outcome = job.Wait();
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(15), $"it took {clock.Elapsed}");
        Assert.NotEqual(0, outcome.ExitCode);
        Assert.Matches($@"^error: rank {rank} on {Environment.MachineName} has not got on for \d s, though it waits for nobody \(at step \d+, training\); waiting in '.+': rank {1 - rank}; the job ends here; the last checkpoint is good", Error(outcome));
    }

    [Fact]
    public void A_step_that_takes_longer_than_the_watchdog_waits_is_no_hang()
    {
        using var work = Workplace.WithData();
        MpiJob.Run(work, "openmpi", 2, [.. run, "--out_dir=out", "--max_iters=0", "--eval_iters=1", "--gradient_accumulation_steps=2", "--watchdog=3",
            "--n_layer=4", "--n_embd=384", "--n_head=6", "--block_size=512", "--batch_size=48"]).Succeeded();
        string step = Assert.Single(File.ReadLines(work["out/metrics.jsonl"]), line => line.Contains("\"ms\"", StringComparison.Ordinal));
        Assert.InRange(System.Text.Json.JsonDocument.Parse(step).RootElement.GetProperty("ms").GetDouble(), 3500, double.MaxValue);
    }

    [Theory]
    [InlineData("openmpi", 3, 1)]
    [InlineData("openmpi", 3, 0)]
    [InlineData("mpich", 3, 1)]
    public void A_rank_that_is_killed_takes_the_job_down_at_once(string flavour, int ranks, int rank)
    {
        using var work = Workplace.WithData();
        using var job = MpiJob.Start(work, flavour, ranks, [.. run, "--out_dir=out", "--max_iters=1000000", "--gradient_accumulation_steps=6"]);
        WaitForSteps(job);
        var clock = Stopwatch.StartNew();
        MpiJob.Signal(MpiJob.ProcessOf(job, rank), Kill);
        var outcome = job.Wait();
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(6), $"it took {clock.Elapsed}");
        Assert.NotEqual(0, outcome.ExitCode);
        string ours = $@"^error: rank {rank} on {Environment.MachineName} is gone: its process was killed or has crashed \(rank \d was at step \d+, (training|evaluating|saving a checkpoint)\)";
        if (flavour == "openmpi") Assert.Matches(ours, Error(outcome));
        // MPICH's launcher ends the others within a few milliseconds and says so, though it may tell the end of one of those, of SIGTERM or an abort; a rank that is quicker says it itself.
        else Assert.True(Regex.IsMatch(outcome.Output, @"TERMINATED WITH THE EXIT STRING: (Killed \(signal 9\)|Terminated \(signal 15\)|Aborted \(signal 6\))") || Regex.IsMatch(outcome.Error, ours, RegexOptions.Multiline),
            $"nobody says what happened:\n{outcome.Output[^Math.Min(1500, outcome.Output.Length)..]}\n{outcome.Error}");
    }

    [Theory]
    [InlineData("openmpi")]
    [InlineData("mpich", "--shard_optimizer=True")]
    public void Runs_that_lose_a_random_rank_at_random_moments_and_are_resumed_equal_one_that_did_not(string flavour, params string[] keys)
    {
        const int kills = 10, ranks = 3;
        using var work = Workplace.WithData();
        string[] command = [.. run, .. keys, "--gradient_accumulation_steps=6"];
        MpiJob.Run(work, flavour, ranks, [.. command, "--out_dir=whole"]).Succeeded();
        string[] expected = work.Losses("whole");

        var random = new Random(30);
        int killed = 0;
        for (int round = 0; killed < kills; round++)
        {
            string outDir = $"killed-{round}";
            while (true)
            {
                bool resume = File.Exists(work[Path.Combine(outDir, "checkpoints", "last")]);
                using var job = MpiJob.Start(work, flavour, ranks, resume ? ["train", $"--out_dir={outDir}", "--init_from=resume"] : [.. command, $"--out_dir={outDir}"]);
                if (killed < kills && job.WaitFor("\niter "))
                {
                    Thread.Sleep(random.Next(400));
                    if (!job.HasExited && MpiJob.FindProcess(job, random.Next(ranks)) is { } victim)
                    {
                        var clock = Stopwatch.StartNew();
                        MpiJob.Signal(victim, Kill);
                        Assert.NotEqual(0, job.Wait().ExitCode);
                        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"it took {clock.Elapsed}");
                        killed++;
                        continue;
                    }
                }
                job.Wait().Succeeded();
                break;
            }
            Assert.Equal(expected, work.Losses(outDir));
        }
    }

    /// <summary>Waits until all ranks have told each other of some step.</summary>
    static void WaitForSteps(RunningProgram job)
    {
        Assert.True(job.WaitFor("\niter 20:"));
        Thread.Sleep(1000);
    }

    /// <summary>The one line that is ours; launchers add their own.</summary>
    static string Error(Outcome outcome) => Assert.Single(outcome.Error.Split('\n'), line => line.StartsWith("error: ", StringComparison.Ordinal));
}
