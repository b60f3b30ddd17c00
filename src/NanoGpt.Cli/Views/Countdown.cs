using System.Diagnostics;

namespace NanoGpt.Cli;

/// <summary>How far something is, how fast it goes and how long it will take: a line that is written over in a terminal, or one every ten seconds where the output is kept.</summary>
sealed class Countdown(long total, string unit)
{
    readonly long start = Stopwatch.GetTimestamp();
    double shown;
    bool any;

    /// <summary>So much is done.</summary>
    /// <param name="done">Of the total.</param>
    /// <param name="note">What else to say.</param>
    public void Report(long done, string note = "")
    {
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (done == 0 || seconds - shown < (Console.IsErrorRedirected ? 10 : 0.2)) return;
        shown = seconds;
        any = true;
        string line = $"{done:N0} of {total:N0} {unit}, {done / seconds:N0} {unit}/s, {Units.Duration(seconds * (total - done) / done)} left{note}";
        if (Console.IsErrorRedirected) Console.Error.WriteLine(line);
        else Console.Error.Write("\r" + line.PadRight(78));
    }

    /// <summary>It is done: the line in the terminal is cleared.</summary>
    public void End()
    {
        if (any && !Console.IsErrorRedirected) Console.Error.Write("\r" + new string(' ', 78) + "\r");
    }
}
