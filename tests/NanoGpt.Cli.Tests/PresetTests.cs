using NanoGpt.Training;

namespace NanoGpt.Cli.Tests;

/// <summary>Each preset starts and does three steps, shrunk to a size for a test.</summary>
public class PresetTests
{
    public static TheoryData<string> Presets => [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "configs"), "*.json").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Presets))]
    public void It_does_three_steps(string preset)
    {
        string file = Path.Combine(Repository.Root, "configs", $"{preset}.json");
        var config = TrainConfig.Parse(file);
        using var work = Workplace.WithData();
        string output = work.Run(["train", file, "--data_dir=data/text_char", "--out_dir=out", "--n_layer=2", "--n_head=2", "--n_embd=16", "--block_size=32", "--batch_size=2",
            config.TotalBatchSize > 0 ? "--total_batch_size=128" : "--gradient_accumulation_steps=2", "--max_iters=2", "--warmup_iters=1", "--lr_decay_iters=2", "--eval_iters=1",
            "--log_interval=1", "--sample_tokens=5", "--hellaswag_interval=0", "--threads=1"]).Succeeded().Output;
        Assert.Contains("\nstep 0: train loss ", output);
        Assert.Contains("\niter 2: loss ", output);
        Assert.Contains("128 per step = 2 gradient_accumulation_steps × 2 batch_size × 32 block_size", output);
    }

    [Theory]
    [InlineData("gpt2_124m_openwebtext", 491_520, 40)]
    [InlineData("gpt2_124m_openwebtext_1epoch", 524_288, 8)]
    [InlineData("gpt2_124m_fineweb_edu", 491_520, 120)]
    public void A_reproduction_of_GPT2_takes_half_a_million_tokens_a_step(string preset, long tokens, int microBatches)
    {
        var config = ResolvedRun.From(ConfigArguments.Parse(Path.Combine(Repository.Root, "configs", $"{preset}.json"))).Config;
        Assert.Equal((tokens, microBatches), (config.TokensPerIteration, config.GradientAccumulationSteps));
        Assert.Equal((12, 12, 768, 1024), (config.NLayer, config.NHead, config.NEmbd, config.BlockSize));
    }

    [Theory]
    [MemberData(nameof(Presets))]
    public void It_says_what_it_costs_and_what_to_expect(string preset)
    {
        string head = string.Join('\n', File.ReadLines(Path.Combine(Repository.Root, "configs", $"{preset}.json")).TakeWhile(line => line.StartsWith("//", StringComparison.Ordinal)));
        Assert.Contains($"configs/{preset}.json", head);
        Assert.Matches("minute|hour|month|year", head);
        Assert.Matches(@"\d\.\d|\d%", head);
    }
}
