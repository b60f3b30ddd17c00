namespace NanoGpt.Models;

/// <summary>How the next token is drawn from the logits.</summary>
/// <param name="Temperature">Divides the logits: below 1 bolder, above 1 more varied; 0 always takes the likeliest.</param>
/// <param name="TopK">Only the so many likeliest tokens can be drawn; 0 is all.</param>
/// <param name="TopP">Only the likeliest tokens that together have this probability can be drawn (nucleus sampling, Holtzman et al. 2020); 1 is all.</param>
/// <param name="Seed">Equal seeds give equal text.</param>
public sealed record SamplingOptions(double Temperature = 0.8, int TopK = 200, double TopP = 1, int Seed = 1337)
{
    /// <summary>Checks the values.</summary>
    /// <exception cref="ArgumentException">One is out of its range; the message names it.</exception>
    public void Validate()
    {
        if (!(Temperature >= 0) || double.IsInfinity(Temperature)) throw new ArgumentException($"temperature is {Temperature}, but must be 0 or more.");
        if (TopK < 0) throw new ArgumentException($"top_k is {TopK}, but must be 0 (all) or more.");
        if (!(TopP > 0 && TopP <= 1)) throw new ArgumentException($"top_p is {TopP}, but must be above 0 and at most 1.");
    }
}

/// <summary>Draws tokens from logits. A draw is a pure function of (seed, sample, position), so samples do not disturb each other.</summary>
public sealed class Sampler(SamplingOptions options, int vocabulary)
{
    const uint Purpose = 0x53414D50;        // "SAMP"

    readonly int[] order = new int[vocabulary];
    readonly double[] weights = new double[vocabulary];

    /// <summary>The next token.</summary>
    /// <param name="logits">One per token of the vocabulary.</param>
    /// <param name="sample">Which of several samples this is.</param>
    /// <param name="position">How many tokens the sample has already.</param>
    public int Draw(ReadOnlySpan<float> logits, int sample, int position)
    {
        for (int i = 0; i < vocabulary; i++) order[i] = i;
        var keys = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++) keys[i] = -logits[i];
        Array.Sort(keys, order);            // likeliest first; ties in the order of the sort, which is deterministic
        if (options.Temperature == 0) return order[0];

        int kept = options.TopK == 0 ? vocabulary : Math.Min(options.TopK, vocabulary);
        double sum = 0;
        for (int i = 0; i < kept; i++) sum += weights[i] = Math.Exp((keys[0] - (double)keys[i]) / options.Temperature);
        if (options.TopP < 1)
        {
            double nucleus = 0, limit = options.TopP * sum;
            int i = 0;
            while (i < kept && nucleus < limit) nucleus += weights[i++];
            (kept, sum) = (i, nucleus);
        }
        double draw = Philox.Draw64((ulong)options.Seed, (uint)position, (uint)sample, Purpose, 0) / 18446744073709551616.0 * sum;
        for (int i = 0; i < kept - 1; i++)
            if ((draw -= weights[i]) < 0) return order[i];
        return order[kept - 1];
    }
}
