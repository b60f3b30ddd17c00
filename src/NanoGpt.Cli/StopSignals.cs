using System.Runtime.InteropServices;

namespace NanoGpt.Cli;

/// <summary>
/// Ctrl-C, SIGTERM and a closed terminal, while a run is under way: the first asks it to stop at the next step, the second ends the process at once.
/// </summary>
sealed class StopSignals : IDisposable
{
    readonly CancellationTokenSource source = new();
    readonly PosixSignalRegistration[] registrations;
    int received;

    public StopSignals() =>
        registrations = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }.Select(signal => PosixSignalRegistration.Create(signal, Handle))];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => source.Token;

    /// <summary>Told of the first signal.</summary>
    public Action? Requested { get; set; }

    void Handle(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref received) > 1)
        {
            if (!Console.IsOutputRedirected) Console.Write("\e[?25h\n");        // a live view hides the cursor
            Environment.Exit(ExitCode.Interrupted);
        }
        Requested?.Invoke();
        source.Cancel();
    }

    public void Dispose()
    {
        foreach (var registration in registrations) registration.Dispose();
        source.Dispose();
    }
}
