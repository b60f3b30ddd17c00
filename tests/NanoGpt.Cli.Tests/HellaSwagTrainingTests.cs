using System.Runtime.InteropServices;

namespace NanoGpt.Cli.Tests;

/// <summary>HellaSwag during a run.</summary>
public class HellaSwagTrainingTests
{
    static readonly string[] Small = ["--n_layer=1", "--n_head=2", "--n_embd=8", "--block_size=160", "--batch_size=2", "--gradient_accumulation_steps=1", "--eval_iters=1", "--eval_interval=100", "--checkpoint_interval=3",
        "--log_interval=1", "--warmup_iters=1", "--threads=1", $"--train_files={Repository.SharedData("shards/books_train_000001.bin")}", $"--val_files={Repository.SharedData("shards/books_val_000000.bin")}"];

    static string Items(string name = "hellaswag_val_first10.jsonl") => $"--hellaswag_path={Repository.SharedData(name)}";

    [Fact]
    public void It_is_scored_now_and_then_logged_and_the_same_in_a_resumed_run()
    {
        using var work = new Workplace();
        string[] run = ["train", .. Small, Items(), "--hellaswag_interval=2"];
        string output = work.Run([.. run, "--max_iters=5", "--out_dir=whole"]).Succeeded().Output;
        Assert.Matches("\nstep 4: HellaSwag acc_norm 0[.][0-9]{4} [(][0-9]+ of 10[)], acc 0[.]", output);
        Assert.Equal([0, 2, 4, 5], Scores("whole").Select(line => int.Parse(line.Split(' ')[0]["iter=".Length..])));
        Assert.All(Scores("whole"), line => Assert.EndsWith("hellaswag_items=10", line));

        work.Run([.. run, "--max_iters=3", "--out_dir=parts"]).Succeeded();
        work.Run("train", "--out_dir=parts", "--init_from=resume", "--resume_from=step-00000003", "--max_iters=5").Succeeded();
        Assert.Equal(Scores("whole"), Scores("parts"));

        work.Run([.. run, "--max_iters=5", "--hellaswag_interval=0", "--out_dir=without"]).Succeeded();
        Assert.Equal(work.Losses("without"), work.Losses("whole").Where(line => !line.Contains("hellaswag", StringComparison.Ordinal)));
        work.Run("compare", "whole", "without").Succeeded();

        string[] Scores(string folder) => [.. work.Losses(folder).Where(line => line.Contains("hellaswag_acc_norm", StringComparison.Ordinal))];
    }

    [Fact]
    public void A_signal_ends_it()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals cannot be sent to another process on Windows.");
        using var work = new Workplace();
        using var program = work.Start(["train", .. Small, Items("hellaswag_val_text.jsonl.gz"), "--hellaswag_interval=1000", "--init_from=scratch", "--out_dir=out", "--max_iters=5"]);
        Assert.True(program.WaitFor("\nstep 0:"));
        program.Signal(PosixSignal.SIGTERM);
        var outcome = program.Wait();
        Assert.Equal(130, outcome.ExitCode);
        Assert.Contains("stopped before the first step", outcome.Output);
        Assert.DoesNotContain("HellaSwag acc", outcome.Output);
        Assert.DoesNotContain(work.Losses("out"), line => line.Contains("hellaswag", StringComparison.Ordinal));
    }

    [Fact]
    public void What_cannot_be_scored_is_refused_before_anything_is_written()
    {
        using var work = Workplace.WithData();
        string[] run = ["train", .. Workplace.Tiny, "--hellaswag_interval=10", "--out_dir=out"];
        Assert.Contains("of the tokenizer 'char'", Refused([.. run, Items()]));
        run = ["train", .. Small, "--hellaswag_interval=10", "--out_dir=out"];
        Assert.Contains("there is no file 'data/hellaswag_val.jsonl'", Refused(run));
        Assert.Contains("a larger model is needed", Refused([.. run, Items(), "--block_size=8"]));
        work.Write("diary.jsonl", "{}");
        Assert.Contains("line 1 is not a HellaSwag item", Refused([.. run, "--hellaswag_path=diary.jsonl"]));
        Assert.Contains("must not be negative", Refused([.. run, Items(), "--hellaswag_items=-1"]));
        work.Run([.. run, "--eval_only=True"]).Succeeded();

        string Refused(string[] arguments)
        {
            var outcome = work.Run(arguments);
            Assert.NotEqual(0, outcome.ExitCode);
            Assert.False(Directory.Exists(work["out"]));
            return outcome.Fault(outcome.ExitCode);
        }
    }
}
