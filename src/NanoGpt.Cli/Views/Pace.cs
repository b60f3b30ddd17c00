using System.Diagnostics;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary>How fast a run goes of late, and when it will be done: its steps and the evaluations between them.</summary>
sealed class Pace(TrainConfig config, int firstIteration)
{
    const double Memory = 0.95;

    long lastEvent = Stopwatch.GetTimestamp();
    double step, loss, weight, evaluation;
    int iteration = firstIteration;

    /// <summary>Seconds of a step, smoothed.</summary>
    public double StepSeconds => step / weight;

    /// <summary>The training loss, smoothed.</summary>
    public double Loss => loss / weight;

    /// <summary>Tokens per second, smoothed.</summary>
    public double TokensPerSecond => config.TokensPerIteration / StepSeconds;

    /// <summary>Iterations done, of all that the run has.</summary>
    public double Fraction => Math.Min(1, iteration / (config.MaxIters + 1.0));

    /// <summary>Seconds left.</summary>
    public double Left
    {
        get
        {
            int steps = config.MaxIters + 1 - iteration, evaluations = config.MaxIters / config.EvalInterval - Math.Max(0, iteration - 1) / config.EvalInterval;
            return steps * StepSeconds + evaluations * evaluation;
        }
    }

    public void Stepped(StepReport report)
    {
        // Averages with an exponential memory, right from the first value on (as Adam corrects its moments).
        step = Memory * step + (1 - Memory) * report.Seconds;
        loss = Memory * loss + (1 - Memory) * report.Loss;
        weight = Memory * weight + (1 - Memory);
        iteration = report.Iteration + 1;
        lastEvent = Stopwatch.GetTimestamp();
    }

    public void Evaluated()
    {
        long now = Stopwatch.GetTimestamp();
        evaluation = Stopwatch.GetElapsedTime(lastEvent, now).TotalSeconds;
        lastEvent = now;
    }
}
