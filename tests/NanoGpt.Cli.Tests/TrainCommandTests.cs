using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace NanoGpt.Cli.Tests;

public partial class TrainCommandTests
{
    [Fact]
    public void A_resumed_run_can_crop_its_context_but_not_stretch_it()
    {
        using var work = Workplace.WithData();
        work.Train("out").Succeeded();
        string cropped = work.Run("train", "--out_dir=out", "--init_from=resume", "--max_iters=45", "--block_size=8").Succeeded().Output;
        Assert.Contains("cropped from 16 to 8", cropped);
        Assert.Contains("4 batch_size × 8 block_size", cropped);
        string again = work.Run("train", "--out_dir=out", "--init_from=resume", "--max_iters=50", "--block_size=16").Succeeded().Output;
        Assert.Contains("block_size: 16 is ignored; the model in the checkpoint has 8", again);
    }

    [Fact]
    public void Recomputing_changes_no_loss()
    {
        using var work = Workplace.WithData();
        work.Train("plain", "--dropout=0.1").Succeeded();
        work.Train("again", "--dropout=0.1", "--recompute=True").Succeeded();
        Assert.Equal(work.Losses("plain"), work.Losses("again"));
    }

    [Fact]
    public void A_run_prints_nanoGPTs_lines_and_ends_with_what_one_wants_to_know()
    {
        using var work = Workplace.WithData();
        string output = work.Train("out").Succeeded().Output;
        string[] lines = output.Split('\n');

        Assert.Contains("tokens      128 per step = 2 gradient_accumulation_steps × 4 batch_size × 16 block_size", output);
        Assert.Contains(lines, line => line.StartsWith("memory ", StringComparison.Ordinal) && line.Contains("activations", StringComparison.Ordinal));
        Assert.True(Array.FindIndex(lines, line => line.StartsWith("memory ", StringComparison.Ordinal)) < Array.FindIndex(lines, line => line.StartsWith("device ", StringComparison.Ordinal)));
        Assert.Equal(41, lines.Count(line => IterationLine().IsMatch(line)));
        Assert.Equal(["step 0:", "step 20:", "step 40:"], lines.Where(line => EvaluationLine().IsMatch(line)).Select(line => line[..(line.IndexOf(':', StringComparison.Ordinal) + 1)]));
        Assert.Contains(lines, line => line == $"saving checkpoint to {Path.Combine("out", "checkpoints", "step-00000020")}");

        Assert.Matches(@"val loss    \d\.\d{4}, best \d\.\d{4}", output);
        Assert.Matches(@"speed       [\d,]+ tokens/s", output);
        Assert.Contains($"checkpoint  {Path.Combine("out", "checkpoints")}", output);
        Assert.Contains("It writes:", output);
        Assert.Contains("sample --out_dir=out", output);
        Assert.Contains("--init_from=resume", output);
        Assert.True(File.Exists(work[Path.Combine("out", "config.json")]));
    }

    [Fact]
    public void Metrics_are_one_object_a_line()
    {
        using var work = Workplace.WithData();
        work.Train("out").Succeeded();
        var training = new List<int>();
        var evaluations = new List<int>();
        foreach (string line in File.ReadLines(work[Path.Combine("out", "metrics.jsonl")]))
        {
            using var json = JsonDocument.Parse(line);
            string[] names = [.. json.RootElement.EnumerateObject().Select(p => p.Name)];
            int iter = json.RootElement.GetProperty("iter").GetInt32();
            if (names.Contains("loss"))
            {
                Assert.Equal(["iter", "loss", "lr", "grad_norm", "tokens_per_second", "ms"], names);
                string loss = json.RootElement.GetProperty("loss").GetRawText();
                Assert.Equal(loss, double.Parse(loss, CultureInfo.InvariantCulture).ToString("R", CultureInfo.InvariantCulture));
                training.Add(iter);
            }
            else
            {
                Assert.Equal(["iter", "train_loss", "val_loss"], names);
                evaluations.Add(iter);
            }
        }
        Assert.Equal(Enumerable.Range(0, 41), training);
        Assert.Equal([0, 20, 40], evaluations);
    }

    [Fact]
    public void A_run_that_never_got_better_has_no_best_checkpoint()
    {
        using var work = Workplace.WithData();
        Assert.Contains("checkpoints (last)", work.Train("out", "--max_iters=3", "--learning_rate=0", "--min_lr=0").Succeeded().Output);
        Assert.Contains("checkpoints (last, best)", work.Train("better", "--max_iters=3").Succeeded().Output);
    }

    [Fact]
    public void A_command_line_of_nanoGPT_works_as_it_is()
    {
        using var work = Workplace.WithData();
        string output = work.Run("train", "--dataset=text_char", "--device=cpu", "--compile=False", "--eval_iters=1", "--log_interval=1", "--block_size=8", "--batch_size=2",
            "--n_layer=1", "--n_head=1", "--n_embd=8", "--max_iters=2", "--lr_decay_iters=2", "--warmup_iters=0", "--dropout=0.0", "--learning_rate=5e-4", "--wandb_log=True",
            "--gradient_accumulation_steps=2*2", "--threads", "1").Succeeded().Output;
        Assert.Contains("note: compile: ignored", output);
        Assert.Contains("note: wandb_log: metrics go to metrics.jsonl", output);
        Assert.Contains("tokens      64 per step", output);
    }

    [Fact]
    public void A_data_set_that_is_not_prepared_is_prepared()
    {
        using var work = new Workplace();
        string output = work.Run(["train", .. Workplace.Tiny, "--dataset=dotnet_docs_char", "--max_iters=1", "--warmup_iters=0"]).Succeeded().Output;
        Assert.Contains("preparing dotnet_docs_char in", output);
        Assert.True(File.Exists(work[Path.Combine("data", "dotnet_docs_char", "val.bin")]));
    }

    [Fact]
    public void Losses_do_not_depend_on_the_number_of_threads()
    {
        using var work = Workplace.WithData();
        work.Train("one", "--threads=1").Succeeded();
        work.Train("two", "--threads=2", "--max_iters=20").Succeeded();
        string[] one = work.Losses("one"), two = work.Losses("two");
        Assert.Equal(one.TakeWhile(line => !line.Contains("iter=20 ", StringComparison.Ordinal)), two.TakeWhile(line => !line.Contains("iter=20 ", StringComparison.Ordinal)));
        Assert.True(two.Length > 20);
    }

    [Fact]
    public void A_former_run_is_moved_aside_not_lost()
    {
        using var work = Workplace.WithData();
        work.Train("out", "--max_iters=3").Succeeded();
        string[] former = work.Losses("out");
        string output = work.Train("out", "--max_iters=2", "--seed=2").Succeeded().Output;
        Assert.Contains($"note: out held a former run; it is now in {Path.Combine("out", "former-1")}.", output);
        Assert.Equal(former, work.Losses(Path.Combine("out", "former-1")));
        work.Run("sample", $"--out_dir={Path.Combine("out", "former-1")}", "--num_samples=1", "--max_new_tokens=5", "--start=1").Succeeded();
    }

    [Theory]
    [InlineData("best")]
    [InlineData("last")]
    public void Evaluation_alone_prints_the_losses_and_leaves_the_run_as_it_is(string checkpoint)
    {
        using var work = Workplace.WithData();
        work.Train("out").Succeeded();
        string metrics = File.ReadAllText(work[Path.Combine("out", "metrics.jsonl")]);
        string output = work.Run("train", "--out_dir=out", "--init_from=resume", $"--resume_from={checkpoint}", "--eval_only").Succeeded().Output;
        Assert.Matches(@"step \d+: train loss \d\.\d{4}, val loss \d\.\d{4}", output);
        Assert.DoesNotContain("iter ", output);
        Assert.Equal(metrics, File.ReadAllText(work[Path.Combine("out", "metrics.jsonl")]));
    }

    [Fact]
    public void A_resumed_run_keeps_its_configuration_and_the_shape_of_its_model()
    {
        using var work = Workplace.WithData();
        work.Train("out", "--max_iters=10").Succeeded();
        string output = work.Run("train", "--out_dir=out", "--init_from=resume", "--max_iters=14", "--n_layer=5").Succeeded().Output;
        Assert.Contains("note: n_layer: 5 is ignored; the model in the checkpoint has 2.", output);
        Assert.Contains("iteration 11", output);
        Assert.Contains("iter 14:", output);
        string complete = work.Run("train", "--out_dir=out", "--init_from=resume").Succeeded().Output;
        Assert.Contains("This run is complete", complete);
    }

    [GeneratedRegex(@"^iter \d+: loss \d+\.\d{4}, time \d+\.\d{2}ms, mfu \d+\.\d{2}%, [\d,]+ tok/s, \d+:\d{2} left$")]
    private static partial Regex IterationLine();

    [GeneratedRegex(@"^step \d+: train loss \d+\.\d{4}, val loss \d+\.\d{4}$")]
    private static partial Regex EvaluationLine();
}
