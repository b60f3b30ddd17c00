using System.Text.Json;
using System.Text.RegularExpressions;
using NanoGpt.Models;

namespace NanoGpt.Cli.Tests;

/// <summary>The keys that the reproductions of GPT-2 use beyond nanoGPT's.</summary>
public partial class RecipeTests
{
    [Fact]
    public void A_step_of_so_many_tokens_is_split_into_micro_batches_and_learns_as_one_that_was_split_by_hand()
    {
        using var work = Workplace.WithData();
        string output = work.Train("total", "--total_batch_size=256").Succeeded().Output;
        Assert.Contains("256 per step = 4 gradient_accumulation_steps × 4 batch_size × 16 block_size", output);
        Assert.Contains("note: gradient_accumulation_steps: ignored; it follows from total_batch_size", output);
        work.Train("hand", "--gradient_accumulation_steps=4").Succeeded();
        Assert.Equal(work.Losses("hand"), work.Losses("total"));

        // Half the context, as many tokens.
        string cropped = work.Run("train", "--out_dir=total", "--init_from=resume", "--max_iters=42", "--block_size=8").Succeeded().Output;
        Assert.Contains("256 per step = 8 gradient_accumulation_steps × 4 batch_size × 8 block_size", cropped);
    }

    [Fact]
    public void Text_is_written_during_training_and_changes_no_loss()
    {
        using var work = Workplace.WithData();
        string output = work.Train("texts", "--sample_interval=10", "--sample_count=2", "--sample_prompt=7 and ", "--sample_tokens=12", "--sample_top_k=5").Succeeded().Output;
        Assert.Equal(4, SampleLine().Count(output));
        Assert.Contains("\nstep 20: sample 2\n7 and ", output);
        work.Train("plain").Succeeded();
        Assert.Equal(work.Losses("plain"), work.Losses("texts"));

        var samples = Samples(work, "texts");
        Assert.Equal([(10, 0), (10, 1), (20, 0), (20, 1), (30, 0), (30, 1), (40, 0), (40, 1)], samples.Select(s => (s.Iter, s.Sample)));
        Assert.All(samples, s => Assert.Equal("7 and ".Length + 12, s.Text.Length));
        Assert.All(samples, s => Assert.StartsWith("7 and ", s.Text));
    }

    [Fact]
    public void A_prompt_with_letters_outside_the_vocabulary_is_refused_before_the_first_step()
    {
        using var work = Workplace.WithData();
        string fault = work.Train("out", "--sample_interval=10", "--sample_prompt=ß").Fault(2);
        Assert.Contains("ß", fault);
        Assert.False(File.Exists(work["out/samples.jsonl"]));
    }

    [Fact]
    public void What_is_frozen_stays_and_the_rest_learns()
    {
        using var work = Workplace.WithData();
        string output = work.Train("frozen", "--frozen=transformer.w?e.*, *.ln_1.*").Succeeded().Output;
        Assert.Matches(@"frozen      [\d,]+ of [\d,]+ parameters, as 'transformer\.w\?e\.\*, \*\.ln_1\.\*' says", output);
        work.Train("start", "--max_iters=0", "--warmup_iters=0", "--learning_rate=0", "--min_lr=0").Succeeded();
        var (start, end) = (Weights(work, "start"), Weights(work, "frozen"));
        Assert.Equal(start.Keys.Order(), end.Keys.Order());
        foreach (string name in start.Keys)
            Assert.Equal(name.StartsWith("transformer.w", StringComparison.Ordinal) || name.Contains(".ln_1.", StringComparison.Ordinal), start[name].SequenceEqual(end[name]));

        // A run that freezes later leaves alone what had momentum.
        work.Train("whole", "--max_iters=10").Succeeded();
        var before = Weights(work, "whole");
        work.Run("train", "--out_dir=whole", "--init_from=resume", "--max_iters=20", "--frozen=*.mlp.*").Succeeded();
        var after = Weights(work, "whole");
        Assert.All(before.Keys, name => Assert.Equal(name.Contains(".mlp.", StringComparison.Ordinal), before[name].SequenceEqual(after[name])));
    }

    [Theory]
    [InlineData("--frozen=transformer.wtf", "frozen: no parameter is named 'transformer.wtf'; did you mean 'transformer.wte.weight'?")]
    [InlineData("--frozen=*", "frozen: '*' names every parameter of the model")]
    public void A_pattern_that_cannot_be_meant_is_refused(string argument, string message)
    {
        using var work = Workplace.WithData();
        Assert.Contains(message, work.Train("out", argument).Fault(2));
    }

    /// <summary>
    /// A threshold below what is usual, so that a short run has outliers; the checkpoint lies after the window is full and among skipped steps.
    /// </summary>
    [Fact]
    public void Outliers_are_skipped_and_a_resumed_run_skips_the_same()
    {
        using var work = Workplace.WithData();
        string[] run = ["--max_iters=260", "--lr_decay_iters=260", "--skip_outlier_steps=1.5", "--sample_interval=50", "--checkpoint_interval=190", "--keep_checkpoints=9"];
        string output = work.Train("whole", run).Succeeded().Output;
        int[] skipped = [.. SkipLine().Matches(output).Select(line => int.Parse(line.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture))];
        Assert.All(skipped, iteration => Assert.True(iteration >= 128));
        Assert.Contains(skipped, iteration => iteration < 190);
        Assert.Contains(skipped, iteration => iteration >= 190);
        Assert.Equal(skipped.Length, work.Losses("whole").Count(line => line.Contains("skipped_loss_z", StringComparison.Ordinal)));
        string[] losses = work.Losses("whole"), samples = File.ReadAllLines(work["whole/samples.jsonl"]);
        var weights = Weights(work, "whole");

        work.Run("train", "--out_dir=whole", "--init_from=resume", "--resume_from=step-00000190").Succeeded();
        Assert.Equal(losses, work.Losses("whole"));
        Assert.Equal(samples, File.ReadAllLines(work["whole/samples.jsonl"]));
        Assert.All(Weights(work, "whole"), tensor => Assert.Equal(weights[tensor.Key], tensor.Value));

        work.Train("never", "--max_iters=260", "--lr_decay_iters=260").Succeeded();
        Assert.NotEqual(losses.Where(line => !line.Contains("skipped", StringComparison.Ordinal)), work.Losses("never"));
    }

    [Fact]
    public void The_epsilon_of_Adam_is_used()
    {
        using var work = Workplace.WithData();
        work.Train("usual", "--max_iters=3").Succeeded();
        work.Train("same", "--max_iters=3", "--adam_eps=1e-8").Succeeded();
        work.Train("large", "--max_iters=3", "--adam_eps=1").Succeeded();
        Assert.Equal(work.Losses("usual"), work.Losses("same"));
        Assert.NotEqual(work.Losses("usual"), work.Losses("large"));
    }

    static (int Iter, int Sample, string Text)[] Samples(Workplace work, string outDir) => [.. File.ReadLines(work[Path.Combine(outDir, "samples.jsonl")]).Select(line =>
    {
        using var json = JsonDocument.Parse(line);
        return (json.RootElement.GetProperty("iter").GetInt32(), json.RootElement.GetProperty("sample").GetInt32(), json.RootElement.GetProperty("text").GetString()!);
    })];

    /// <summary>The weights of the last checkpoint of a run, as bytes.</summary>
    static Dictionary<string, byte[]> Weights(Workplace work, string outDir)
    {
        string name = File.ReadAllText(work[Path.Combine(outDir, "checkpoints", "last")]).Split(' ', '\n')[0];
        using var file = SafetensorsFile.Open(work[Path.Combine(outDir, "checkpoints", name, "model.safetensors")]);
        return file.Tensors.ToDictionary(tensor => tensor.Name, tensor =>
        {
            var bytes = new byte[tensor.ByteLength];
            file.ReadBytes(tensor.Name, bytes);
            return bytes;
        });
    }

    [GeneratedRegex(@"^step \d+: sample$", RegexOptions.Multiline)]
    private static partial Regex SampleLine();

    [GeneratedRegex(@"^iter (\d+): update skipped, an outlier: loss ", RegexOptions.Multiline)]
    private static partial Regex SkipLine();
}
