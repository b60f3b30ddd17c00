using NanoGpt.Models;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Cli.Tests;

public class MemoryPlanTests
{
    /// <summary>The shapes take tens of megabytes and more: an arena's first block is 4 MB however little is in it.</summary>
    [Theory]
    [InlineData(4, 4, 128, 64, 12, 65, 0.0)]
    [InlineData(4, 4, 128, 64, 12, 65, 0.2)]
    [InlineData(6, 6, 384, 256, 4, 65, 0.0)]
    [InlineData(6, 6, 384, 256, 4, 65, 0.1)]
    [InlineData(1, 2, 64, 128, 16, 5000, 0.0)]
    [InlineData(2, 4, 256, 128, 6, 50257, 0.0)]
    [InlineData(12, 4, 32, 32, 64, 100, 0.5)]
    public void The_plan_is_within_a_tenth_of_what_a_step_takes(int layers, int heads, int width, int time, int batch, int vocabulary, double dropout)
    {
        var config = new GptConfig(time, vocabulary, layers, heads, width, dropout, Bias: false);
        var plan = MemoryPlan.ForTraining(config, batch, time, threads: 1);
        using var device = CpuDevice.Create(threads: 1);
        var model = new Gpt(config);
        using var weights = new ParameterStore(device, model.Parameters);
        using var tape = new Tape(device, seed: 1);
        weights.Initialize(1);
        var tokens = new int[batch * time];
        for (int step = 0; step < 2; step++)
        {
            tape.Recording = true;
            tape.Reset(step);
            tape.Backward(model.Loss(tape.Tokens(tokens, batch, time), tape.Tokens(tokens, batch, time)));
        }
        tape.Reset();
        Assert.InRange(plan.Activations, 0.9 * tape.MemoryBytes, 1.1 * tape.MemoryBytes);
        Assert.InRange(plan.Weights, 0.9 * sizeof(float) * weights.Values.Length, sizeof(float) * weights.Values.Length);
    }

    [Theory]
    [InlineData(4, 4, 128, 64, 12, 65)]
    [InlineData(6, 6, 384, 256, 4, 65)]
    [InlineData(2, 4, 256, 128, 8, 50257)]
    [InlineData(12, 4, 32, 32, 512, 100)]
    public void The_plan_of_an_evaluation_is_within_a_tenth_of_what_it_takes(int layers, int heads, int width, int time, int batch, int vocabulary)
    {
        var config = new GptConfig(time, vocabulary, layers, heads, width, Dropout: 0.1);
        var plan = MemoryPlan.ForEvaluation(config, batch, time, threads: 1);
        using var device = CpuDevice.Create(threads: 1);
        var model = new Gpt(config);
        using var weights = new ParameterStore(device, model.Parameters, gradients: false);
        using var tape = new Tape(device) { Recording = false };
        weights.Initialize(1);
        var tokens = new int[batch * time];
        model.Loss(tape.Tokens(tokens, batch, time), tape.Tokens(tokens, batch, time));
        tape.Reset();
        Assert.InRange(plan.Activations, 0.9 * tape.MemoryBytes, 1.1 * tape.MemoryBytes);
        Assert.Equal((0, 0), (plan.Gradients, plan.Optimizer));
        Assert.DoesNotContain("optimizer", plan.ToString());
    }

    /// <summary>38 million parameters: 154 MB. To train them takes four times as much.</summary>
    [Fact]
    public void A_run_that_only_evaluates_holds_no_more_than_it_says()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The most memory that a process has held is asked of Linux.");
        using var work = Workplace.WithData();
        string[] large = ["train", .. Workplace.Tiny, "--n_layer=12", "--n_head=8", "--n_embd=512", "--out_dir=out", "--max_iters=0", "--eval_iters=2", "--sample_tokens=0"];
        var trained = Peak(work, [.. large, "--decay_lr=False"]);
        var evaluated = Peak(work, [.. large, "--init_from=resume", "--eval_only"]);
        Assert.Matches(@"memory      \d+\.\d MB: weights 0\.15 GB, activations \d\.\d MB, scratch \d\.\d MB\n", evaluated.Output);
        Assert.Matches(@"step 1: train loss \d", evaluated.Output);
        Assert.True(trained.Bytes - evaluated.Bytes > 400_000_000, $"{trained.Bytes / 1e6:0} and {evaluated.Bytes / 1e6:0} MB");
    }

    /// <summary>Runs the program and watches the most memory that it has held.</summary>
    static (string Output, long Bytes) Peak(Workplace work, string[] arguments)
    {
        using var program = work.Start(arguments);
        long peak = 0;
        while (!program.HasExited)
        {
            try
            {
                string? line = File.ReadLines($"/proc/{program.Id}/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
                if (line is not null) peak = Math.Max(peak, 1024 * long.Parse(line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture));
            }
            catch (IOException)
            {
                // It has just ended.
            }
            Thread.Sleep(5);
        }
        return (program.Wait().Succeeded().Output, peak);
    }
}
