using System.Diagnostics;
using NanoGpt.Data;

namespace NanoGpt.Cli;

/// <summary>
/// Progress of a preparation, with rate and time left: one line that is written over in a terminal, a new line every two seconds in a pipe.
/// What is done sooner is not shown.
/// </summary>
sealed class PrepareView : IProgress<PrepareProgress>
{
    readonly bool terminal = Terminal.CanRewrite;
    PrepareStage? stage;
    long stageStart, lastShown;
    int shown;

    public void Report(PrepareProgress progress)
    {
        long now = Stopwatch.GetTimestamp();
        if (stage != progress.Stage) (stage, stageStart, lastShown) = (progress.Stage, now, now);
        if (Stopwatch.GetElapsedTime(lastShown, now).TotalSeconds < (terminal ? 0.2 : 2)) return;
        lastShown = now;
        double seconds = Stopwatch.GetElapsedTime(stageStart, now).TotalSeconds, rate = progress.Done / seconds;
        string line = $"{Verb(progress.Stage)} {progress.Done / 1e6:0.0} of {progress.Total / 1e6:0.0} MB, {rate / 1e6:0.0} MB/s, {Tokens(progress.Tokens, seconds)}{Units.Duration((progress.Total - progress.Done) / rate)} left";
        if (!terminal)
        {
            Console.WriteLine(line);
            return;
        }
        Console.Write($"\r{line.PadRight(shown)}");
        shown = line.Length;
    }

    /// <summary>Wipes the line.</summary>
    public void Done()
    {
        if (shown > 0) Console.Write($"\r{new string(' ', shown)}\r");
        shown = 0;
    }

    static string Tokens(long tokens, double seconds) => tokens == 0 ? "" : $"{tokens / 1e6:0.0}M tokens, {tokens / seconds / 1e6:0.00}M tokens/s, ";

    static string Verb(PrepareStage stage) => stage switch
    {
        PrepareStage.Download => "downloading",
        PrepareStage.Extract => "extracting text",
        PrepareStage.Count => "collecting characters",
        PrepareStage.Verify => "reading",
        _ => "writing tokens",
    };
}
