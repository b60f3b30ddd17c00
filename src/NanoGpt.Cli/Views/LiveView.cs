using System.Diagnostics;
using NanoGpt.Training;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace NanoGpt.Cli;

/// <summary>
/// A run as it goes, in the last lines of a terminal; evaluations and checkpoints stay above as lines. Redrawn a few times a
/// second, between steps, which takes about a millisecond each time.
/// </summary>
sealed class LiveView(TrainConfig config, int firstIteration) : IRunView
{
    static readonly TimeSpan refreshInterval = TimeSpan.FromSeconds(0.2);

    readonly Pace pace = new(config, firstIteration);
    readonly LossHistory history = new();
    LiveDisplayContext? display;
    long lastRefresh;
    StepReport step;
    EvaluationReport? last, best;
    (int Done, int Total)? evaluating;

    /// <summary>Whether stdout is a terminal that can be drawn on.</summary>
    public static bool IsPossible => Terminal.CanRewrite && AnsiConsole.Profile.Capabilities is { Ansi: true, Interactive: true } && AnsiConsole.Profile.Width >= 30;

    public TrainingResult Watch(Func<TrainingResult> run) => AnsiConsole.Live(Text.Empty).AutoClear(false).Start(context =>
    {
        display = context;
        var result = run();
        evaluating = null;
        Refresh(always: true);
        return result;
    });

    public void Say(string line) => AnsiConsole.Console.WriteLine(line);

    public void Stepped(StepReport report)
    {
        pace.Stepped(report);
        history.Add(report.Loss);
        (step, evaluating) = (report, null);
        Refresh();
    }

    public void Evaluating(int iteration, int done, int total)
    {
        evaluating = (done, total);
        Refresh();
    }

    public void Evaluated(EvaluationReport evaluation)
    {
        pace.Evaluated();
        last = evaluation;
        if (evaluation.IsBest) best = evaluation;
        Say(PlainView.Line(evaluation));
    }

    public void Skipped(SkipReport skip) => Say(PlainView.Line(skip));

    public void ScoredHellaSwag(HellaSwagReport report)
    {
        pace.ScoredHellaSwag();
        Say(PlainView.Line(report));
    }

    public void Sampled(SampleReport sample)
    {
        pace.Sampled(sample);
        Say(PlainView.Line(sample));
    }

    public void Saved(Checkpoint checkpoint)
    {
        pace.Saved();
        Say(PlainView.Line(checkpoint));
    }

    void Refresh(bool always = false)
    {
        if (!always && Stopwatch.GetElapsedTime(lastRefresh) < refreshInterval) return;
        lastRefresh = Stopwatch.GetTimestamp();
        display!.UpdateTarget(Picture());
    }

    Rows Picture()
    {
        int width = AnsiConsole.Profile.Width;
        var lines = new List<IRenderable> { Text.Empty, new Markup(Bar(width)) };
        void Add(params string[] parts) => lines.Add(new Markup(Fit(parts, width)));
        if (pace.StepSeconds > 0)
        {
            Add($"loss [bold]{pace.Loss:0.0000}[/]", $"[green]{history.Sparkline(Math.Clamp(width - 60, 8, 40))}[/]", $"lr {step.LearningRate:0.00e+0}", $"grad norm {step.GradientNorm:0.00}");
            Add($"{pace.TokensPerSecond:N0} tok/s", $"{pace.StepSeconds * 1000:0.0} ms/step", $"{step.PeakFraction:0%} of peak");
        }
        if (evaluating is (var done, var total)) Add($"[yellow]evaluating {done}/{total}[/]");
        else if (last is { } e) Add($"val loss {e.ValLoss:0.0000} at {e.Iteration:N0}", best is { } b ? $"best {b.ValLoss:0.0000} at {b.Iteration:N0}" : "");
        return new Rows(lines);
    }

    string Bar(int width)
    {
        string head = $"iter {step.Iteration:N0}/{config.MaxIters:N0}", tail = pace.StepSeconds > 0 ? $"{pace.Fraction:0%}, {Units.Duration(pace.Left)} left" : "starting";
        int room = Math.Min(50, width - head.Length - tail.Length - 3);
        if (room < 5) return $"{head} {tail}";
        int filled = (int)(pace.Fraction * room);
        bool unicode = AnsiConsole.Profile.Capabilities.Unicode;
        return $"{head} [green]{new string(unicode ? '━' : '#', filled)}[/][grey]{new string(unicode ? '─' : '.', room - filled)}[/] {tail}";
    }

    /// <summary>As many of the parts as a line has room for.</summary>
    static string Fit(IEnumerable<string> parts, int width)
    {
        string line = "";
        foreach (string part in parts.Where(part => part.Length > 0))
        {
            string longer = line.Length == 0 ? part : $"{line}  {part}";
            if (Markup.Remove(longer).Length >= width) break;
            line = longer;
        }
        return line;
    }
}
