using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Models.Tests;

/// <summary>What a cache gives is what a model gives that reads everything again.</summary>
public sealed class GeneratorTests : IDisposable
{
    static readonly GptConfig config = new(BlockSize: 24, VocabSize: 131, NLayer: 3, NHead: 3, NEmbd: 51);     // odd on purpose

    readonly CpuDevice device;
    readonly Gpt model = new(config);
    readonly ParameterStore store;
    readonly Tape tape;

    public GeneratorTests()
    {
        device = CpuDevice.Create(2);
        foreach (var p in model.Parameters) p.Std *= 6;        // far from uniform predictions
        store = new ParameterStore(device, model.Parameters, gradients: false);
        store.Initialize(7);
        tape = new Tape(device);
    }

    public void Dispose()
    {
        tape.Dispose();
        store.Dispose();
        device.Dispose();
    }

    static int[] Ids(int count, int seed = 1) => [.. Enumerable.Range(0, count).Select(i => (int)((i * 7919L + seed * 104729L) % config.VocabSize))];

    float[] Next(int[] ids, int batch, KeyValueCache? cache = null)
    {
        tape.Reset();
        return model.NextLogits(tape.Tokens(ids, batch, ids.Length / batch), cache).ToArray();
    }

    static void Close(float[] expected, float[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.True(expected.Max() - expected.Min() > 1, "the logits are all alike");
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], tolerance);
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 3)]
    [InlineData(false, 11)]
    [InlineData(true, 1)]
    [InlineData(true, 5)]
    public void Cached_and_uncached_logits_agree_up_to_the_last_position(bool narrow, int step)
    {
        if (narrow) store.Narrow();
        int[] first = Ids(config.BlockSize), second = Ids(config.BlockSize, 2);
        using var cache = model.NewCache(device, 2, config.BlockSize);
        for (int from = 0; from < config.BlockSize; from += step)
        {
            int to = Math.Min(from + step, config.BlockSize);
            Close(Next([.. first[..to], .. second[..to]], 2), Next([.. first[from..to], .. second[from..to]], 2, cache), 1e-4);
        }
        Assert.Equal(config.BlockSize, cache.Length);
    }

    [Fact]
    public void Cached_and_uncached_logits_agree_where_products_are_bf16()
    {
        using var rounding = CpuDevice.Create(2, precision: Precision.BFloat16);
        var other = new Gpt(config);
        using var weights = new ParameterStore(rounding, other.Parameters, gradients: false);
        using var otherTape = new Tape(rounding);
        rounding.Copy(store.Values, weights.Values);
        int[] ids = Ids(config.BlockSize);
        using var cache = other.NewCache(rounding, 1, config.BlockSize);
        for (int t = 0; t < ids.Length; t++)
        {
            otherTape.Reset();
            float[] whole = other.NextLogits(otherTape.Tokens(ids.AsSpan(0, t + 1), 1, t + 1)).ToArray();
            otherTape.Reset();
            float[] cached = other.NextLogits(otherTape.Tokens([ids[t]], 1, 1), cache).ToArray();
            // bf16 has 8 bits: attention rounds other operands on either way.
            Close(whole, cached, 0.03 * (whole.Max() - whole.Min()));
        }
    }

    [Fact]
    public void Narrow_weights_change_logits_by_no_more_than_their_rounding()
    {
        float[] wide = Next(Ids(20), 1);
        store.Narrow();
        float[] narrow = Next(Ids(20), 1);
        Assert.NotEqual(wide, narrow);
        Close(wide, narrow, 0.03 * (wide.Max() - wide.Min()));
    }

    /// <summary>The text is nanoGPT's also past block_size, where the window moves: each token from the last block_size ones.</summary>
    [Fact]
    public void Text_is_that_of_reading_the_last_block_size_tokens_for_each_token()
    {
        var generator = new Generator(model, tape, new SamplingOptions(Temperature: 0));
        foreach (int length in (int[])[1, 10, 23, 24, 30])
        {
            List<int> text = [.. Ids(length)];
            int[] written = [.. generator.Continue(Ids(length), 40)];
            foreach (int token in written)
            {
                float[] logits = Next([.. text.TakeLast(config.BlockSize)], 1);
                Assert.True(logits.Max() - logits[token] < 1e-4, $"after {text.Count} tokens {token} is not the likeliest");
                text.Add(token);
            }
            Assert.Equal(40, written.Length);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Samples_written_together_are_those_written_alone(bool narrow)
    {
        if (narrow) store.Narrow();
        var generator = new Generator(model, tape, new SamplingOptions(Temperature: 1, TopK: 50, Seed: 3, RepetitionPenalty: 1.1));
        int[][] together = [.. generator.ContinueTogether(Ids(7), 45, first: 0, count: 11)];
        var alone = Enumerable.Range(0, 11).Select(s => generator.Continue(Ids(7), 45, s).ToArray()).ToArray();
        for (int s = 0; s < 11; s++) Assert.Equal(alone[s], together.Select(tokens => tokens[s]));
        Assert.Equal(11, alone.Select(text => string.Join(' ', text)).Distinct().Count());
        Assert.Equal(alone[4], generator.ContinueTogether(Ids(7), 45, first: 3, count: 2).Select(tokens => tokens[1]));
    }

    /// <summary>Greedily, from all, past block_size, alone and together: a row that only pads the vocabulary is never drawn, and the others are as they would be without it.</summary>
    [Theory]
    [InlineData(0, 200)]
    [InlineData(1, 0)]
    [InlineData(1, 50)]
    public void Tokens_that_only_pad_the_vocabulary_are_never_drawn(double temperature, int topK)
    {
        const int meant = 40;
        var options = new SamplingOptions(temperature, topK, Seed: 3, RepetitionPenalty: 1.1);
        int[] prompt = [.. Ids(7).Select(id => id % meant)];
        Assert.Contains(new Generator(model, tape, options).Continue(prompt, 45), id => id >= meant);
        int[][] together = [.. new Generator(model, tape, options, meant).ContinueTogether(prompt, 45, first: 0, count: 3)];
        Assert.All(together.SelectMany(tokens => tokens), id => Assert.InRange(id, 0, meant - 1));
        var sampler = new Sampler(options, meant);
        List<int> text = [.. prompt];
        for (int i = 0; i < 12; i++)
        {
            text.Add(sampler.Draw(Next([.. text], 1).AsSpan(0, meant), System.Runtime.InteropServices.CollectionsMarshal.AsSpan(text), 0, i));
            Assert.Equal(text[^1], together[i][0]);
        }
        Assert.Contains("token 40, but the vocabulary has 40", Assert.Throws<ArgumentException>(() => new Generator(model, tape, options, meant).Continue([meant], 1)).Message);
    }

    [Fact]
    public void A_cache_that_is_full_or_of_another_shape_is_refused()
    {
        using var cache = model.NewCache(device, 1, 4);
        Next(Ids(4), 1, cache);
        Assert.Contains("do not fit", Assert.Throws<ArgumentException>(() => Next(Ids(1), 1, cache)).Message);
        using var two = model.NewCache(device, 2, 4);
        Assert.Contains("does not fit a cache of 2", Assert.Throws<ArgumentException>(() => Next(Ids(1), 1, two)).Message);
    }
}
