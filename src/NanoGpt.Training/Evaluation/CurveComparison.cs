namespace NanoGpt.Training;

/// <summary>A loss of a run beside the band in which it should lie.</summary>
/// <param name="Iteration">Where: the iteration of an evaluation, or the first of a span of the training loss.</param>
/// <param name="IsEvaluation">Whether it is a validation loss.</param>
/// <param name="Loss">The run's; NaN where it has none there.</param>
/// <param name="Low">The lower edge of the band.</param>
/// <param name="High">Its upper edge.</param>
public readonly record struct ComparedPoint(int Iteration, bool IsEvaluation, double Loss, double Low, double High)
{
    /// <summary>Whether the run has a loss there, and it lies outside the band.</summary>
    public bool IsOutside => Loss < Low || Loss > High;
}

/// <summary>
/// Is a run normal? Its losses against a band around the mean of a reference's runs: four and a half of their standard deviations, which are
/// pooled over nine neighbouring points since there are few runs, and never less than 1% of the loss. One run alone shows no spread: then the band
/// is 5%. Of the training losses only those of iterations that the reference logged count: a mean over fewer is noisier, and it lies elsewhere.
/// </summary>
public sealed class CurveComparison
{
    const double Deviations = 4.5, Narrowest = 0.01, OfOneRun = 0.05;
    const int Neighbours = 4;

    /// <summary>The sections of keys that decide how the loss falls, and the keys in them that do not.</summary>
    static readonly string[] sections = ["data", "model", "AdamW", "learning rate schedule"], without = ["data_dir", "total_batch_size", "max_iters"];

    /// <summary>Compares a run with a reference.</summary>
    public CurveComparison(LossCurve run, ReferenceCurve reference)
    {
        Points = [.. Compare(reference.Spans, point => run.MeanOf(point.From, point.To, reference.Config.LogInterval), isEvaluation: false)
            .Concat(Compare(reference.Evaluations, point => run.EvaluationAt(point.From), isEvaluation: true)).OrderBy(point => point.Iteration)];
        Differences = Differing(run.Config, reference.Config);
    }

    /// <summary>Every point of the reference, by iteration.</summary>
    public IReadOnlyList<ComparedPoint> Points { get; }

    /// <summary>The keys in which the configurations differ, of those that decide how the loss falls.</summary>
    public IReadOnlyList<ConfigKey> Differences { get; }

    /// <summary>The first point outside the band.</summary>
    public ComparedPoint? Parting => Points.Where(point => point.IsOutside).Select(point => (ComparedPoint?)point).FirstOrDefault();

    /// <summary>The keys in which two configurations differ, of those that decide how the loss falls.</summary>
    public static IReadOnlyList<ConfigKey> Differing(TrainConfig a, TrainConfig b) =>
        [.. ConfigKey.All.Where(key => sections.Contains(key.Section) && !without.Contains(key.Name) && !key.Get(a).Equals(key.Get(b)))];

    static IEnumerable<ComparedPoint> Compare(IReadOnlyList<ReferencePoint> points, Func<ReferencePoint, double?> lossOf, bool isEvaluation)
    {
        for (int i = 0; i < points.Count; i++)
        {
            double mean = points[i].Losses.Average(), half = mean * RelativeWidth(points.Skip(i - Neighbours).Take(2 * Neighbours + 1 + Math.Min(0, i - Neighbours)));
            yield return new(points[i].From, isEvaluation, lossOf(points[i]) ?? double.NaN, mean - half, mean + half);
        }
    }

    static double RelativeWidth(IEnumerable<ReferencePoint> neighbours)
    {
        double squares = 0;
        int freedom = 0;
        foreach (var losses in neighbours.Select(point => point.Losses))
        {
            double mean = losses.Average();
            squares += losses.Sum(loss => (loss / mean - 1) * (loss / mean - 1));
            freedom += losses.Count - 1;
        }
        return freedom == 0 ? OfOneRun : Math.Max(Narrowest, Deviations * Math.Sqrt(squares / freedom));
    }
}
