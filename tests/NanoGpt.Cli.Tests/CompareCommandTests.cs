using System.Globalization;
using System.Text;
using NanoGpt.Training;

namespace NanoGpt.Cli.Tests;

public class CompareCommandTests
{
    static ReferenceCurve Quickstart => ReferenceCurve.Known().Single(reference => reference.Name == "quickstart");

    /// <summary>The folder of a run whose losses are the means of a reference, times a factor of the iteration.</summary>
    static void WriteRun(Workplace work, string outDir, ReferenceCurve reference, Func<int, double> factor, Func<TrainConfig, TrainConfig>? change = null)
    {
        var metrics = new StringBuilder();
        foreach (var point in reference.Evaluations) Line(point.From, "val_loss", point.Losses.Average());
        foreach (var span in reference.Spans)
            for (int i = span.From; i < span.To; i++) Line(i, "loss", span.Losses.Average());
        work.Write(Path.Combine(outDir, "metrics.jsonl"), metrics.ToString());
        work.Write(Path.Combine(outDir, "config.json"), (change?.Invoke(reference.Config) ?? reference.Config).ToJson());

        void Line(int iter, string name, double loss) =>
            metrics.Append(CultureInfo.InvariantCulture, $"{{\"iter\":{iter},\"{name}\":{loss * factor(iter)}}}\n");
    }

    [Fact]
    public void The_references_are_those_of_the_presets()
    {
        foreach (var reference in ReferenceCurve.Known())
        {
            Assert.Equal(3, reference.Runs);
            Assert.True(reference.Spans.Count > 40 && reference.Evaluations.Count > 8);
        }
        var preset = TrainConfig.Parse(Path.Combine(Repository.Root, "configs", "quickstart.json"));
        Assert.Empty(CurveComparison.Differing(preset, Quickstart.Config));
    }

    [Fact]
    public void A_normal_run_is_in_the_band()
    {
        using var work = new Workplace();
        WriteRun(work, "out", Quickstart, _ => 1.005);
        string output = work.Run("compare", "out").Succeeded().Output;
        Assert.Contains("reference   quickstart: 3 runs with different seeds, to iteration 3,500", output);
        Assert.Contains("in band     all 65 points", output);
        Assert.DoesNotContain("x", string.Concat(output.Split('\n').Where(line => line.Contains('│', StringComparison.Ordinal))));
    }

    [Theory]
    [InlineData(1.3, "above")]
    [InlineData(0.7, "below")]
    public void A_run_that_goes_wrong_is_outside_from_there_on(double factor, string side)
    {
        using var work = new Workplace();
        WriteRun(work, "out", Quickstart, iteration => iteration < 1400 ? 1 : factor, config => config with { LearningRate = 1e-4 });
        var outcome = work.Run("compare", "out");
        Assert.Equal(1, outcome.ExitCode);
        Assert.Equal("", outcome.Error);
        Assert.Contains("differs     learning_rate=0.0001, the reference has 0.003", outcome.Output);
        Assert.Matches($@"They part at iteration 1,(3|4)\d\d: training loss \d\.\d+, {side} the band", outcome.Output);
        Assert.Contains("x", outcome.Output);
    }

    [Fact]
    public void Two_runs_are_compared_and_a_reference_of_ones_own_is_kept()
    {
        using var work = Workplace.WithData();
        work.Train("a", "--max_iters=80").Succeeded();
        work.Train("b", "--max_iters=80", "--threads=2").Succeeded();
        work.Train("c", "--max_iters=80", "--learning_rate=3e-4").Succeeded();
        string same = work.Run("compare", "b", "a", "--save=mine.jsonl").Succeeded().Output;
        Assert.Contains("reference   mine: one run, to iteration 80", same);
        Assert.Contains("in band", same);
        Assert.DoesNotContain("differs", same);

        var other = work.Run("compare", "c", "mine.jsonl");
        Assert.Equal(1, other.ExitCode);
        Assert.Contains("differs     learning_rate=0.0003, the reference has 0.01", other.Output);
        Assert.Contains("above the band", other.Output);
        Assert.Equal(work.Run("compare", "c", "mine.jsonl").Output.Split('\n')[2..], work.Run("compare", "c", "a").Output.Split('\n')[2..]);
        Assert.Contains("2 runs with different seeds", work.Run("compare", "a", "b", "c").Output);
    }

    [Fact]
    public void What_cannot_be_compared_is_one_sentence()
    {
        using var work = Workplace.WithData();
        Assert.Contains("is not the folder of a run", work.Run("compare", "nowhere").Fault(1));
        work.Train("out").Succeeded();
        Assert.Contains("There is no reference for the data set 'text_char', only for", work.Run("compare", "out").Fault(2));
        Assert.Contains("text.txt:1: not a reference curve", work.Run("compare", "out", "text.txt").Fault(1));
        File.AppendAllText(work["out/metrics.jsonl"], "{\"iter\":4");
        work.Run("compare", "out", "out").Succeeded();          // a line that is being written
        File.AppendAllText(work["out/metrics.jsonl"], "\n{}\n");
        Assert.Contains("not a line of metrics", work.Run("compare", "out", "out").Fault(1));
        File.WriteAllText(work["out/metrics.jsonl"], "");
        Assert.Contains("there is no loss in it yet", work.Run("compare", "out", "out").Fault(1));
    }
}
