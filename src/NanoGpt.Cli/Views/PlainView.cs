using System.Diagnostics;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary>nanoGPT's lines, for a pipe or a file: their beginnings are nanoGPT's to the letter, so that scripts for it read them.</summary>
sealed class PlainView(TrainConfig config, int firstIteration) : IRunView
{
    static readonly TimeSpan silence = TimeSpan.FromSeconds(10);

    readonly Pace pace = new(config, firstIteration);
    long lastSaid;
    int lastDone = int.MaxValue;

    public TrainingResult Watch(Func<TrainingResult> run) => run();

    public void Say(string line) => Console.WriteLine(line);

    public void Stepped(StepReport step)
    {
        pace.Stepped(step);
        if (step.Iteration % config.LogInterval != 0) return;
        Say($"iter {step.Iteration}: loss {step.Loss:0.0000}, time {step.Seconds * 1000:0.00}ms, mfu {step.PeakFraction * 100:0.00}%, " +
            $"{step.TokensPerSecond:N0} tok/s, {(step.Waiting is { } waiting ? $"waiting {waiting:0.0%}, " : "")}{Units.Duration(pace.Left)} left");
    }

    public void Evaluating(int iteration, int done, int total)
    {
        if (done <= lastDone) lastSaid = Stopwatch.GetTimestamp();      // another begins; with several ranks not with 1
        lastDone = done;
        if (Stopwatch.GetElapsedTime(lastSaid) < silence) return;
        lastSaid = Stopwatch.GetTimestamp();
        Say($"evaluating {done:N0} of {total:N0}");
    }

    public void Evaluated(EvaluationReport evaluation)
    {
        pace.Evaluated();
        Say(Line(evaluation));
    }

    public void Skipped(SkipReport skip) => Say(Line(skip));

    public void ScoredHellaSwag(HellaSwagReport report)
    {
        pace.ScoredHellaSwag();
        Say(Line(report));
    }

    public void Sampled(SampleReport sample)
    {
        pace.Sampled(sample);
        Say(Line(sample));
    }

    public void Saved(Checkpoint checkpoint)
    {
        pace.Saved();
        Say(Line(checkpoint));
    }

    /// <summary>nanoGPT's line of an evaluation.</summary>
    public static string Line(EvaluationReport evaluation) =>
        $"step {evaluation.Iteration}: train loss {evaluation.TrainLoss:0.0000}, val loss {evaluation.ValLoss:0.0000}";

    /// <summary>The line of a skipped update.</summary>
    public static string Line(SkipReport skip) =>
        $"iter {skip.Iteration}: update skipped, an outlier: loss {skip.Loss:0.0000} (z {skip.LossScore:0.00}), grad norm {skip.GradientNorm:0.00} (z {skip.NormScore:0.00})";

    /// <summary>The line of HellaSwag.</summary>
    public static string Line(HellaSwagReport report) =>
        $"step {report.Iteration}: HellaSwag acc_norm {(double)report.RightPerToken / report.Items:0.0000} ({report.RightPerToken:N0} of {report.Items:N0}), acc {(double)report.Right / report.Items:0.0000}";

    /// <summary>A text and its heading.</summary>
    public static string Line(SampleReport sample) =>
        $"step {sample.Iteration}: sample{(sample.Sample == 0 ? "" : $" {sample.Sample + 1}")}\n{sample.Text.Trim('\n')}\n---------------";

    /// <summary>nanoGPT's line of a checkpoint.</summary>
    public static string Line(Checkpoint checkpoint) => $"saving checkpoint to {checkpoint.Directory}";
}
