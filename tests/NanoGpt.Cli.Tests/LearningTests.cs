using System.Text.RegularExpressions;

namespace NanoGpt.Cli.Tests;

public partial class LearningTests
{
    /// <summary>nanoGPT's README, "I only have a macbook": PyTorch reaches 1.8857 with it.</summary>
    [Fact]
    public void The_run_for_a_CPU_of_nanoGPTs_README_learns_Shakespeare()
    {
        string input = Repository.SharedData("tinyshakespeare.txt");
        using var work = new Workplace();
        work.Run("prepare", "shakespeare_char", "--input", input).Succeeded();
        string output = work.Run("train", Path.Combine(Repository.Root, "configs", "shakespeare_char.json"), "--device=cpu", "--compile=False", "--eval_iters=20", "--log_interval=10",
            "--block_size=64", "--batch_size=12", "--n_layer=4", "--n_head=4", "--n_embd=128", "--max_iters=2000", "--lr_decay_iters=2000", "--dropout=0.0",
            "--threads=1").Succeeded().Output;        // the losses are the same with more, and other tests run beside this one
        var last = LastEvaluation().Match(output);
        Assert.True(last.Success, output);
        Assert.InRange(double.Parse(last.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture), 1.0, 1.90);
    }

    [GeneratedRegex(@"^step 2000: train loss \d\.\d{4}, val loss (\d\.\d{4})", RegexOptions.Multiline)]
    private static partial Regex LastEvaluation();
}
