namespace NanoGpt.Training;

/// <summary>
/// The key <c>skip_outlier_steps</c>: a step whose loss or gradient norm lies too far above those of the last 128 steps is skipped, since
/// one bad batch can undo much of what was learned. The measure is llm.c's: the distance from the mean in standard deviations, both taken
/// over the 128 with the new one among them. Before there are so many, no step is an outlier.
/// </summary>
public sealed class OutlierSteps(double threshold)
{
    const int Window = 128;

    readonly Queue<double> losses = new(Window + 1), norms = new(Window + 1);

    /// <summary>One among n values is at most √(n - 1) standard deviations from their mean.</summary>
    public static double LargestScore { get; } = Math.Sqrt(Window - 1);

    /// <summary>The losses of the last steps, for a checkpoint.</summary>
    public IReadOnlyCollection<double> Losses => losses;

    /// <summary>The gradient norms of the last steps, for a checkpoint.</summary>
    public IReadOnlyCollection<double> Norms => norms;

    /// <summary>The score of the last loss judged; NaN while there are too few to judge by.</summary>
    public double LossScore { get; private set; } = double.NaN;

    /// <summary>The score of the last gradient norm judged.</summary>
    public double NormScore { get; private set; } = double.NaN;

    /// <summary>Takes a step in; returns whether it is an outlier.</summary>
    public bool Judge(double loss, double norm)
    {
        if (threshold == 0) return false;
        (LossScore, NormScore) = (Score(losses, loss), Score(norms, norm));
        return LossScore > threshold || NormScore > threshold;
    }

    /// <summary>Goes on from the steps that a checkpoint has.</summary>
    public void Restore(IEnumerable<double> recentLosses, IEnumerable<double> recentNorms)
    {
        foreach (double loss in recentLosses) losses.Enqueue(loss);
        foreach (double norm in recentNorms) norms.Enqueue(norm);
    }

    static double Score(Queue<double> window, double value)
    {
        window.Enqueue(value);
        if (window.Count <= Window) return double.NaN;
        window.Dequeue();
        double mean = window.Average(), deviation = Math.Sqrt(window.Average(x => (x - mean) * (x - mean)));
        return deviation == 0 ? 0 : (value - mean) / deviation;
    }
}
