using NanoGpt.Data;

namespace NanoGpt.Cli;

/// <summary>A download, on stderr: what is fetched and how far it is.</summary>
sealed class DownloadView : IProgress<PrepareProgress>
{
    const int Mega = 1_000_000;

    Countdown? countdown;

    /// <summary>Someone to look on while something is downloaded.</summary>
    public static DownloadWatch Watch(CancellationToken stop = default) => new(sentence => Console.Error.WriteLine(sentence), new DownloadView(), stop);

    public void Report(PrepareProgress progress)
    {
        countdown ??= new Countdown(progress.Total / Mega, "MB");
        countdown.Report(progress.Done / Mega);
        if (progress.Done == progress.Total) countdown.End();
    }
}
