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
    [InlineData(2, 4, 256, 128, 2, 50257, 0.0)]
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
}
