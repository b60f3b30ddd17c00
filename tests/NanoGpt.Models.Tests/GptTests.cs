using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Models.Tests;

public class GptTests
{
    /// <summary>The sizes that GPT-2's paper and OpenAI's checkpoints have.</summary>
    [Theory]
    [InlineData(12, 12, 768, 124_439_808)]
    [InlineData(24, 16, 1024, 354_823_168)]
    [InlineData(36, 20, 1280, 774_030_080)]
    [InlineData(48, 25, 1600, 1_557_611_200)]
    public void GPT_2_has_as_many_parameters_as_GPT_2(int layers, int heads, int channels, long parameters)
    {
        var config = new GptConfig(1024, 50257, layers, heads, channels);
        Assert.Equal(parameters, config.ParameterCount());
        Assert.Equal(parameters, new Gpt(config).Parameters.Sum(p => p.Shape.Count));
        Assert.Equal(parameters - 1024L * channels, config.ParameterCount(positions: false));
    }

    [Fact]
    public void Without_biases_nothing_is_called_bias()
    {
        var config = new GptConfig(64, 65, 3, 2, 32, Bias: false);
        var model = new Gpt(config);
        Assert.DoesNotContain(model.Parameters, p => p.Name.EndsWith("bias", StringComparison.Ordinal));
        Assert.Equal(config.ParameterCount(), model.Parameters.Sum(p => p.Shape.Count));
    }

    /// <summary>nanoGPT's estimate: 6N + 12·L·H·Q·T.</summary>
    [Fact]
    public void Work_per_token_is_nanoGPTs_estimate() =>
        Assert.Equal(6.0 * (124_439_808 - 1024 * 768) + 12.0 * 12 * 12 * 64 * 1024, new GptConfig(VocabSize: 50257).FlopsPerToken(1024));

    [Fact]
    public void A_start_is_GPT_2s()
    {
        using var device = CpuDevice.Create(2);
        var config = new GptConfig(64, 512, 8, 4, 128);
        var model = new Gpt(config);
        using var store = new ParameterStore(device, model.Parameters);
        store.Initialize(1337);
        foreach (var p in model.Parameters)
        {
            var values = Trainee.Read(device, p.Data);
            if (p.Name.EndsWith("bias", StringComparison.Ordinal)) Assert.All(values, v => Assert.Equal(0, v));
            else if (p.Shape.Rank == 1) Assert.All(values, v => Assert.Equal(1, v));
            else
            {
                double std = p.Name.EndsWith("c_proj.weight", StringComparison.Ordinal) ? 0.02 / 4 : 0.02;     // √(2 · 8)
                Assert.Equal(0, values.Average(), 5 * std / Math.Sqrt(values.Length));
                Assert.Equal(1, Math.Sqrt(values.Average(v => (double)v * v)) / std, 5 / Math.Sqrt(2.0 * values.Length));
            }
        }
    }

    [Fact]
    public void Decay_takes_matrices_and_spares_biases_and_gains()
    {
        var model = new Gpt(new GptConfig(64, 65, 2, 2, 32));
        Assert.All(model.Parameters, p => Assert.Equal(!p.Name.EndsWith("bias", StringComparison.Ordinal) && !p.Name.Contains("ln_", StringComparison.Ordinal), p.Decays));
    }

    [Fact]
    public void A_fresh_model_is_as_unsure_as_chance()
    {
        using var device = CpuDevice.Create(2);
        using var trainee = new Trainee(device, new GptConfig(32, 65, 2, 2, 64));
        trainee.Tape.Reset();
        int[] ids = [.. Enumerable.Range(0, 128).Select(i => i * 31 % 65)];
        float loss = trainee.Model.Loss(trainee.Tape.Tokens(ids, 4, 32), trainee.Tape.Tokens(ids.Reverse().ToArray(), 4, 32)).Item();
        Assert.Equal(MathF.Log(65), loss, 0.1f);
    }

    [Fact]
    public void A_position_does_not_see_the_future()
    {
        using var device = CpuDevice.Create(2);
        using var trainee = new Trainee(device, new GptConfig(32, 65, 2, 2, 64));
        float[] Logits(int last)
        {
            int[] ids = [.. Enumerable.Range(0, 32).Select(i => i * 31 % 65)];
            ids[20] = last;
            trainee.Tape.Reset();
            return trainee.Model.Logits(trainee.Tape.Tokens(ids, 1, 32)).ToArray();
        }

        float[] one = Logits(1), two = Logits(2);
        Assert.Equal(one[..(20 * 65)], two[..(20 * 65)]);
        Assert.NotEqual(one[(20 * 65)..], two[(20 * 65)..]);
    }

    [Fact]
    public void Heads_that_do_not_divide_the_width_are_refused() =>
        Assert.Equal("n_embd 30 is not divisible by n_head 4.", Assert.Throws<ArgumentException>(() => new Gpt(new GptConfig(NEmbd: 30, NHead: 4))).Message);

    [Fact]
    public void A_sequence_longer_than_the_block_is_refused()
    {
        using var device = CpuDevice.Create(1);
        using var trainee = new Trainee(device, new GptConfig(8, 65, 1, 1, 8));
        trainee.Tape.Reset();
        Assert.Throws<ArgumentException>(() => trainee.Model.Logits(trainee.Tape.Tokens(new int[9], 1, 9)));
    }
}
