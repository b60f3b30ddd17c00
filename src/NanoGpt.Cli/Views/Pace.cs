using System.Diagnostics;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary>How fast a run goes of late, and when it will be done: its steps, and what comes between them, each as long as the last time.</summary>
sealed class Pace(TrainConfig config, int firstIteration)
{
    const double Memory = 0.95;

    long lastEvent = Stopwatch.GetTimestamp();
    double step, loss, weight, evaluation, samples, hellaswag;
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
    public double Left => (config.MaxIters + 1 - iteration) * StepSeconds + Rounds(config.EvalInterval) * evaluation + Rounds(config.SampleInterval) * samples + Rounds(config.HellaswagInterval) * hellaswag;

    /// <summary>How often there is still what comes every so many iterations and before the last.</summary>
    int Rounds(int interval)
    {
        if (interval == 0 || iteration > config.MaxIters) return 0;
        return config.MaxIters / interval - Math.Max(0, iteration - 1) / interval + (config.MaxIters % interval == 0 ? 0 : 1);
    }

    public void Stepped(StepReport report)
    {
        // Averages with an exponential memory, right from the first value on (as Adam corrects its moments).
        step = Memory * step + (1 - Memory) * report.Seconds;
        loss = Memory * loss + (1 - Memory) * report.Loss;
        weight = Memory * weight + (1 - Memory);
        iteration = report.Iteration + 1;
        Pause();
    }

    public void Evaluated() => evaluation = Pause();

    public void Sampled(SampleReport sample) => samples = Pause() + (sample.Sample == 0 ? 0 : samples);

    public void ScoredHellaSwag() => hellaswag = Pause();

    public void Saved() => Pause();

    /// <summary>Seconds since the last time.</summary>
    double Pause()
    {
        long now = Stopwatch.GetTimestamp(), last = lastEvent;
        lastEvent = now;
        return Stopwatch.GetElapsedTime(last, now).TotalSeconds;
    }
}
