using System.Diagnostics;
using System.Runtime.InteropServices;

namespace NanoGpt.Cli.Tests;

/// <summary>A run that was stopped, however it was stopped, goes on as if it had not been.</summary>
public class InterruptionTests
{
    [Theory]
    [InlineData(PosixSignal.SIGINT)]
    [InlineData(PosixSignal.SIGTERM)]
    public void A_signal_saves_and_the_resumed_run_equals_one_that_was_never_stopped(PosixSignal signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals cannot be sent to another process on Windows.");
        Assert.SkipWhen(signal == PosixSignal.SIGINT && Ignores(number: 2), "SIGINT is ignored here, and so it is by every process started from here.");
        using var work = Workplace.WithData();
        string[] run = ["--max_iters=3000", "--lr_decay_iters=3000", "--eval_interval=1000"];
        work.Train("whole", run).Succeeded();

        using (var program = work.Start(["train", .. Workplace.Tiny, "--out_dir=stopped", .. run]))
        {
            Assert.True(program.WaitFor("\niter 50:"));
            program.Signal(signal);
            var outcome = program.Wait();
            Assert.Equal(3, outcome.ExitCode);
            Assert.Equal("", outcome.Error);
            Assert.Contains("saving checkpoint to", outcome.Output);
            Assert.Contains("train --out_dir=stopped --init_from=resume", outcome.Output);
        }
        Assert.True(work.Losses("stopped").Length < 3000);
        work.Run("train", "--out_dir=stopped", "--init_from=resume").Succeeded();
        Assert.Equal(work.Losses("whole"), work.Losses("stopped"));
    }

    [Theory]
    [InlineData("xterm")]
    [InlineData("dumb")]
    public void A_closed_terminal_saves_and_the_run_can_be_resumed(string term)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/script"), "script(1), which makes a terminal, is not here.");
        Assert.SkipWhen(Ignores(number: 1), "SIGHUP is ignored here, as under nohup(1), and so it is by every process started from here.");
        using var work = Workplace.WithData();
        string[] train = [.. RunningProgram.Program, "train", .. Workplace.Tiny, "--out_dir=closed", "--max_iters=1000000", "--eval_interval=1000000"];
        // A shell outlives the terminal to tell how the run ended.
        string line = $"trap : HUP; sh -c 'echo $$ > pid; exec \"$@\"' sh {string.Join(' ', train.Select(word => $"'{word}'"))} 2> error; echo $? > code.tmp; mv code.tmp code";
        using (var script = new RunningProgram(["/usr/bin/script", "-qec", line, "/dev/null"], work.Root, environment: new Dictionary<string, string> { ["TERM"] = term, ["SHELL"] = "/bin/sh" }))
        {
            Assert.True(script.WaitFor("step 0: train loss"));
            script.Kill();
            script.Wait();
        }
        Thread.Sleep(500);
        // A shell hands on what the kernel tells it, and more than one may do so.
        for (var clock = Stopwatch.StartNew(); !File.Exists(work["code"]); Thread.Sleep(20))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromMinutes(1), "the run did not end with its terminal");
            using var hangUp = Process.Start(new ProcessStartInfo("kill", ["-HUP", File.ReadAllText(work["pid"]).Trim()]) { RedirectStandardError = true })!;
            hangUp.WaitForExit();
        }
        Assert.Equal(("3", ""), (File.ReadAllText(work["code"]).Trim(), File.ReadAllText(work["error"])));
        int done = work.Losses("closed").Count(line => line.Contains(" loss=", StringComparison.Ordinal));
        Assert.True(done > 0);
        Assert.StartsWith($"step-{done:D8} ", File.ReadAllText(work[Path.Combine("closed", "checkpoints", "last")]));
    }

    [Fact]
    public void A_signal_ends_the_text_after_the_run()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals cannot be sent to another process on Windows.");
        using var work = Workplace.WithData();
        using var program = work.Start(["train", .. Workplace.Tiny, "--out_dir=out", "--max_iters=1", "--sample_tokens=100000000"]);
        Assert.True(program.WaitFor("It writes:"));
        program.Signal(PosixSignal.SIGTERM);
        Assert.Contains("Train it longer:", program.Wait().Succeeded().Output);
    }

    [Fact]
    public void One_run_at_a_time_writes_to_a_folder_and_whoever_reads_may()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals cannot be sent to another process on Windows.");
        using var work = Workplace.WithData();
        string[] resume = ["train", "--out_dir=out", "--init_from=resume"];
        string file = work[Path.Combine("out", ".lock")];
        using (var program = work.Start(["train", .. Workplace.Tiny, "--out_dir=out", "--max_iters=1000000", "--eval_interval=1000000", "--checkpoint_interval=20", "--keep_checkpoints=100000"]))
        {
            Assert.True(program.WaitFor("\niter 20:"));
            Assert.Equal("error: another run is writing to 'out'; stop it, or choose another --out_dir.", work.Train("out").Fault(1));
            work.Run(resume).Fault(1);
            Assert.False(Directory.Exists(work[Path.Combine("out", "former-1")]));
            work.Run([.. resume, "--eval_only"]).Succeeded();
            work.Run("sample", "--out_dir=out", "--num_samples=1", "--max_new_tokens=5", "--start=1").Succeeded();
            program.Kill();
            program.Wait();
        }
        Assert.True(File.Exists(file));
        using (var program = work.Start(resume))
        {
            Assert.True(program.WaitFor("\niter "));
            program.Signal(PosixSignal.SIGTERM);
            Assert.Equal(3, program.Wait().ExitCode);
        }
        Assert.False(File.Exists(file));
    }

    [Fact]
    public void A_run_that_goes_on_from_an_earlier_checkpoint_and_fails_at_once_is_resumed_from_there()
    {
        using var work = Workplace.WithData();
        work.Train("out", "--checkpoint_interval=10", "--keep_checkpoints=10").Succeeded();
        string[] whole = work.Losses("out");
        Assert.Contains("diverged", work.Run("train", "--out_dir=out", "--init_from=resume", "--resume_from=step-00000010", "--learning_rate=1e30").Fault(1));
        work.Run("train", "--out_dir=out", "--init_from=resume").Succeeded();
        Assert.Equal(whole, work.Losses("out"));
    }

    [Fact]
    public void A_second_signal_ends_the_process_at_once()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals cannot be sent to another process on Windows.");
        using var work = Workplace.WithData();
        // A step of this model takes seconds.
        using var program = work.Start(["train", .. Workplace.Tiny, "--out_dir=out", "--n_layer=8", "--n_head=4", "--n_embd=256", "--block_size=256", "--batch_size=32"]);
        Assert.True(program.WaitFor("\nstep 0:"));
        program.Signal(PosixSignal.SIGTERM);
        Assert.True(program.WaitFor("stopping soon"));
        program.Signal(PosixSignal.SIGTERM);
        Assert.Equal(130, program.Wait().ExitCode);
        Assert.False(Directory.Exists(work[Path.Combine("out", "checkpoints")]));
    }

    [Fact]
    public void A_run_killed_at_random_moments_and_resumed_equals_one_that_was_never_stopped()
    {
        const int kills = 24;
        using var work = Workplace.WithData();
        // A checkpoint every other step: most of the time is spent writing them.
        string[] run = ["--max_iters=600", "--lr_decay_iters=600", "--eval_interval=50", "--checkpoint_interval=2"];
        work.Train("whole", run).Succeeded();
        string[] expected = work.Losses("whole");

        var random = new Random(20);
        int killed = 0, duringSave = 0;
        for (int round = 0; killed < kills; round++)
        {
            string outDir = $"killed-{round}";
            while (true)
            {
                bool resume = File.Exists(work[Path.Combine(outDir, "checkpoints", "last")]);
                using var program = work.Start(resume
                    ? ["train", $"--out_dir={outDir}", "--init_from=resume"]
                    : ["train", .. Workplace.Tiny, $"--out_dir={outDir}", .. run]);
                if (killed < kills)
                {
                    // Every fourth falls into the start, the others into the loop.
                    if (random.Next(4) > 0) program.WaitFor("\niter ");
                    var wait = Stopwatch.StartNew();
                    double delay = random.NextDouble() * 250;
                    while (wait.Elapsed.TotalMilliseconds < delay && !program.HasExited) Thread.Sleep(1);
                    if (!program.HasExited)
                    {
                        program.Kill();
                        killed++;
                        program.Wait();
                        if (Directory.Exists(work[Path.Combine(outDir, "checkpoints")]) && Directory.EnumerateFileSystemEntries(work[Path.Combine(outDir, "checkpoints")], ".tmp-*").Any()) duringSave++;
                        continue;
                    }
                }
                program.Wait().Succeeded();
                break;
            }
            Assert.Equal(expected, work.Losses(outDir));
        }
        Assert.True(duringSave > 0, $"none of {killed} kills fell into the writing of a checkpoint");
    }

    /// <summary>Whether this process ignores a signal, and so those that it starts.</summary>
    static bool Ignores(int number)
    {
        if (!OperatingSystem.IsLinux()) return false;
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("SigIgn:", StringComparison.Ordinal));
        return (Convert.ToUInt64(line["SigIgn:".Length..].Trim(), 16) & 1UL << number - 1) != 0;
    }
}
