using System.Globalization;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary>The training loss of a run (dots, crosses outside) over the band of a reference (shaded), in lines of text.</summary>
static class CurvePlot
{
    const int Height = 14;

    /// <summary>The lines; none where there is nothing to draw.</summary>
    public static IEnumerable<string> Of(CurveComparison comparison)
    {
        var columns = comparison.Points.Where(point => !point.IsEvaluation).ToList();
        if (columns.Count == 0) yield break;
        double[] all = [.. columns.SelectMany(point => new[] { point.Low, point.High, point.Loss }).Where(double.IsFinite)];
        double low = all.Min(), high = all.Max(), step = Math.Max(high - low, 1e-9) / (Height - 1);
        for (int row = Height - 1; row >= 0; row--)
        {
            double middle = low + row * step;
            string label = row is 0 or Height / 2 or Height - 1 ? middle.ToString("0.00", CultureInfo.InvariantCulture) : "";
            yield return $"{label,7} │{string.Concat(columns.Select(point => Cell(point, middle, step / 2)))}".TrimEnd();
        }
        yield return $"{"",7} └{new string('─', columns.Count)}";
        string last = $"{columns[^1].Iteration:N0}";
        yield return $"{"",9}0{last.PadLeft(Math.Max(last.Length + 1, columns.Count - 1))}";
    }

    static char Cell(ComparedPoint point, double middle, double half) =>
        point.Loss >= middle - half && point.Loss < middle + half ? point.IsOutside ? 'x' : '•'
        : point.High >= middle - half && point.Low < middle + half ? '░'
        : ' ';
}
