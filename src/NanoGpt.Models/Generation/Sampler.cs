namespace NanoGpt.Models;

/// <summary>Draws tokens from logits. A draw is a pure function of (seed, sample, position), so samples do not disturb each other.</summary>
public sealed class Sampler(SamplingOptions options, int vocabulary)
{
    const uint Purpose = 0x53414D50;        // "SAMP"

    readonly LikeliestTokens likeliest = new(vocabulary);
    readonly double[] weights = new double[vocabulary];
    readonly bool[] penalised = new bool[vocabulary];

    /// <summary>The next token.</summary>
    /// <param name="logits">One per token of the vocabulary; a penalty changes them.</param>
    /// <param name="text">The tokens so far, prompt included.</param>
    /// <param name="sample">Which of several samples this is.</param>
    /// <param name="position">How many tokens have been drawn for it already.</param>
    /// <exception cref="InvalidDataException">The logits are no numbers.</exception>
    public int Draw(Span<float> logits, ReadOnlySpan<int> text, int sample, int position)
    {
        if (options.RepetitionPenalty != 1) Penalise(logits, text);
        int kept = options.Temperature == 0 ? 1 : options.TopK == 0 ? vocabulary : Math.Min(options.TopK, vocabulary);
        var tokens = likeliest.Of(logits, kept);
        if (!float.IsFinite(logits[tokens[0]])) throw NoNumbers();
        if (options.Temperature == 0) return tokens[0];

        double sum = 0;
        for (int i = 0; i < kept; i++) sum += weights[i] = Math.Exp(((double)logits[tokens[i]] - logits[tokens[0]]) / options.Temperature);
        if (double.IsNaN(sum)) throw NoNumbers();
        if (options.TopP < 1)
        {
            double nucleus = 0, limit = options.TopP * sum;
            int i = 0;
            while (i < kept && nucleus < limit) nucleus += weights[i++];
            (kept, sum) = (i, nucleus);
        }
        while (weights[kept - 1] < options.MinP) sum -= weights[--kept];        // the likeliest has weight 1

        double draw = Philox.Draw64((ulong)options.Seed, (uint)position, (uint)sample, Purpose, 0) / 18446744073709551616.0 * sum;
        for (int i = 0; i < kept - 1; i++)
            if ((draw -= weights[i]) < 0) return tokens[i];
        return tokens[kept - 1];
    }

    static InvalidDataException NoNumbers() => new("the model's logits are no numbers: its training diverged, or its file is damaged; take an earlier checkpoint.");

    void Penalise(Span<float> logits, ReadOnlySpan<int> text)
    {
        Array.Clear(penalised);
        foreach (int id in text)
        {
            if (penalised[id]) continue;        // once, however often the token stands there
            penalised[id] = true;
            logits[id] = (float)(logits[id] > 0 ? logits[id] / options.RepetitionPenalty : logits[id] * options.RepetitionPenalty);
        }
    }
}
