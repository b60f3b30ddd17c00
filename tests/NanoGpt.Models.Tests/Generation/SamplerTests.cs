namespace NanoGpt.Models.Tests;

public class SamplerTests
{
    const int Vocabulary = 300;

    static float[] Logits(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Vocabulary).Select(_ => (float)Math.Round(random.NextDouble() * 8 - 4, 1))];     // many equal ones
    }

    static HashSet<int> Drawn(SamplingOptions options, float[] logits, params int[] text)
    {
        var sampler = new Sampler(options, Vocabulary);
        return [.. Enumerable.Range(0, 20_000).Select(i => sampler.Draw([.. logits], text, 0, i))];
    }

    /// <summary>The likeliest first, equals by id: what a stable sort gives.</summary>
    static int[] Sorted(float[] logits) => [.. Enumerable.Range(0, Vocabulary).OrderByDescending(i => logits[i])];

    [Fact]
    public void Top_k_draws_from_the_k_likeliest_and_all_of_them()
    {
        for (int seed = 0; seed < 5; seed++)
            foreach (int k in (int[])[1, 2, 17])
                Assert.Equal([.. Sorted(Logits(seed))[..k]], Drawn(new(Temperature: 2, TopK: k), Logits(seed)));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(1, 0.5)]
    public void Logits_that_are_no_numbers_are_refused(double temperature, double topP)
    {
        var sampler = new Sampler(new(temperature, TopP: topP), Vocabulary);
        var logits = new float[Vocabulary];
        Array.Fill(logits, float.NaN);
        Assert.Contains("no numbers", Assert.Throws<InvalidDataException>(() => sampler.Draw(logits, [], 0, 0)).Message);
        Array.Clear(logits);
        logits[7] = float.PositiveInfinity;
        Assert.Throws<InvalidDataException>(() => sampler.Draw(logits, [], 0, 0));
    }

    /// <summary>Sizes at which a bound is found for groups of any size, with tokens left over, and at which all are sorted.</summary>
    [Fact]
    public void The_likeliest_of_a_large_vocabulary_are_the_first_of_a_stable_sort()
    {
        foreach (int vocabulary in (int[])[1, 65, 1000, 50257])
        {
            var random = new Random(vocabulary);
            float[] logits = [.. Enumerable.Range(0, vocabulary).Select(_ => MathF.Round(random.NextSingle() * 9000) / 100 - 45)];
            int[] sorted = [.. Enumerable.Range(0, vocabulary).OrderByDescending(i => logits[i])];
            var likeliest = new LikeliestTokens(vocabulary);
            foreach (int count in ((int[])[1, 2, 17, 200, 5000, vocabulary]).Where(count => count <= vocabulary))
                Assert.Equal(sorted[..count], likeliest.Of(logits, count).ToArray());
            Array.Fill(logits, 0.5f);
            Assert.Equal([0], likeliest.Of(logits, 1).ToArray());
            Array.Fill(logits, float.NaN);
            Assert.Equal(1, likeliest.Of(logits, 1).Length);
        }
    }

    [Fact]
    public void Frequencies_are_the_softmax_of_the_scaled_logits()
    {
        float[] logits = Logits(1);
        double[] weights = [.. logits.Select(z => Math.Exp(z / 0.7))];
        var sampler = new Sampler(new(Temperature: 0.7, TopK: 0), Vocabulary);
        const int draws = 60_000;
        var counts = new int[Vocabulary];
        for (int i = 0; i < draws; i++) counts[sampler.Draw([.. logits], [], 2, i)]++;
        for (int t = 0; t < Vocabulary; t++)
        {
            double p = weights[t] / weights.Sum();
            Assert.InRange(counts[t], draws * p - 5 * Math.Sqrt(draws * p) - 3, draws * p + 5 * Math.Sqrt(draws * p) + 3);
        }
    }

    [Fact]
    public void Top_p_draws_from_the_smallest_set_that_has_the_probability()
    {
        float[] logits = Logits(2);
        int[] sorted = Sorted(logits);
        double total = logits.Sum(z => Math.Exp(z)), sum = 0;
        int count = 0;
        while (sum < 0.3 * total) sum += Math.Exp(logits[sorted[count++]]);
        Assert.Equal([.. sorted[..count]], Drawn(new(Temperature: 1, TopK: 0, TopP: 0.3), logits));
    }

    [Fact]
    public void Min_p_draws_from_tokens_at_least_so_likely_beside_the_likeliest()
    {
        float[] logits = Logits(3);
        int[] expected = [.. Enumerable.Range(0, Vocabulary).Where(i => Math.Exp((double)logits[i] - logits.Max()) >= 0.25)];
        Assert.Equal([.. expected], Drawn(new(Temperature: 1, TopK: 0, MinP: 0.25), logits));
    }

    [Fact]
    public void A_repetition_penalty_counts_once_and_always_against_the_token()
    {
        var logits = new float[Vocabulary];
        (logits[5], logits[6], logits[7]) = (3, 2.5f, 2.9f);
        Assert.Equal([7], Drawn(new(Temperature: 0, RepetitionPenalty: 1.1), logits, 5, 5, 5));       // 3 / 1.1 < 2.9
        Assert.Equal([5], Drawn(new(Temperature: 0, RepetitionPenalty: 1.1), logits, 7));
        Array.Fill(logits, -9);
        (logits[5], logits[6]) = (-1, -1.5f);
        Assert.Equal([6], Drawn(new(Temperature: 0, RepetitionPenalty: 2), logits, 5));
    }

    [Theory]
    [InlineData("min_p")]
    [InlineData("repetition_penalty")]
    [InlineData("top_p")]
    [InlineData("top_k")]
    [InlineData("temperature")]
    public void A_value_out_of_range_is_named(string name)
    {
        var options = name switch
        {
            "min_p" => new SamplingOptions(MinP: 1.5),
            "repetition_penalty" => new SamplingOptions(RepetitionPenalty: 0),
            "top_p" => new SamplingOptions(TopP: 0),
            "top_k" => new SamplingOptions(TopK: -1),
            _ => new SamplingOptions(Temperature: double.NaN),
        };
        Assert.StartsWith($"{name} is ", Assert.Throws<ArgumentException>(options.Validate).Message);
    }
}
