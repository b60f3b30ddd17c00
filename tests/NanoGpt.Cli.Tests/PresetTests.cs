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
        using var work = config.IsPretrained ? WithTokens() : Workplace.WithData();
        string[] source = config.IsPretrained ? [$"--init_from={PretrainedWorkplace.Tiny}", "--data_dir=data/tokens", "--eval_only=False"] : ["--data_dir=data/text_char"];
        string output = work.Run(["train", file, .. source, "--out_dir=out", "--n_layer=2", "--n_head=2", "--n_embd=16", "--block_size=32", "--batch_size=2",
            config.TotalBatchSize > 0 ? "--total_batch_size=128" : "--gradient_accumulation_steps=2", "--max_iters=2", "--warmup_iters=1", "--lr_decay_iters=2", "--eval_iters=1",
            "--log_interval=1", "--sample_tokens=5", "--hellaswag_interval=0", "--threads=1"]).Succeeded().Output;
        Assert.Contains("\nstep 0: train loss ", output);
        Assert.Contains("\niter 2: loss ", output);
        Assert.Contains("128 per step = 2 gradient_accumulation_steps × 2 batch_size × 32 block_size", output);
    }

    /// <summary>Tokens that the tiny GPT-2 knows, without anything that says what they mean.</summary>
    static Workplace WithTokens()
    {
        var work = new Workplace();
        foreach (string split in (string[])["train", "val"])
            work.WriteBytes($"data/tokens/{split}.bin", [.. Enumerable.Range(0, 2000).SelectMany(i => BitConverter.GetBytes((ushort)(i * i % 1021)))]);
        return work;
    }

    [Theory]
    [InlineData("", "gpt2")]
    [InlineData("_medium", "gpt2-medium")]
    [InlineData("_large", "gpt2-large")]
    [InlineData("_xl", "gpt2-xl")]
    public void An_evaluation_of_GPT2_trains_nothing(string suffix, string name)
    {
        string file = Path.Combine(Repository.Root, "configs", $"eval_gpt2{suffix}.json");
        var config = TrainConfig.Parse(file);
        Assert.Equal((name, true, 500, 8, "openwebtext"), (config.InitFrom, config.EvalOnly, config.EvalIters, config.BatchSize, config.Dataset));
        using var work = WithTokens();
        string output = work.Run(["train", file, $"--init_from={PretrainedWorkplace.Tiny}", "--data_dir=data/tokens", "--eval_iters=2", "--block_size=32"]).Succeeded().Output;
        Assert.Matches(@"\nstep 0: train loss \d\.\d+, val loss \d\.\d+", output);
        Assert.DoesNotContain("iter 0:", output);
        Assert.False(Directory.Exists(work["out"]));
    }

    [Fact]
    public void Fine_tuning_has_the_values_of_nanoGPT()
    {
        var config = TrainConfig.Parse(Path.Combine(Repository.Root, "configs", "finetune_shakespeare.json"));
        Assert.Equal(("gpt2-xl", "shakespeare", 5, 40, false), (config.InitFrom, config.Dataset, config.EvalInterval, config.EvalIters, config.AlwaysSaveCheckpoint));
        Assert.Equal((1, 32, 20, 3e-5, false), (config.BatchSize, config.GradientAccumulationSteps, config.MaxIters, config.LearningRate, config.DecayLr));
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
