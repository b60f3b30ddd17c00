namespace NanoGpt.Cli;

/// <summary>The losses of a run so far as a small picture, in memory that does not grow: when it is full, neighbours are averaged.</summary>
sealed class LossHistory
{
    const int Capacity = 256;

    readonly List<double> means = new(Capacity);
    double sum;
    int count, perMean = 1;

    public void Add(double loss)
    {
        sum += loss;
        if (++count < perMean) return;
        means.Add(sum / count);
        (sum, count) = (0, 0);
        if (means.Count < Capacity) return;
        for (int i = 0; i < Capacity / 2; i++) means[i] = (means[2 * i] + means[2 * i + 1]) / 2;
        means.RemoveRange(Capacity / 2, Capacity / 2);
        perMean *= 2;
    }

    /// <summary>One bar per part of the run, the highest loss the highest.</summary>
    public string Sparkline(int width)
    {
        if (means.Count == 0 || !Spectre.Console.AnsiConsole.Profile.Capabilities.Unicode) return "";
        width = Math.Min(width, means.Count);
        double[] bars = [.. Enumerable.Range(0, width).Select(i => means[(i * means.Count / width)..((i + 1) * means.Count / width)].Average())];
        double low = bars.Min(), high = bars.Max();
        return string.Concat(bars.Select(bar => "▁▂▃▄▅▆▇█"[high > low ? (int)Math.Round((bar - low) / (high - low) * 7) : 0]));
    }
}
