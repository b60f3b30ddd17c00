using System.Runtime.InteropServices;

namespace NanoGpt.Cli;

/// <summary>
/// Ctrl-C, SIGTERM, SIGUSR1 and a closed terminal, while a run is under way: the first asks it to stop soon, the second ends the process
/// at once. SIGUSR1, with which schedulers announce that the time is up, never counts as the second; nor does SIGHUP, which a closed
/// terminal and its shell send both.
/// </summary>
sealed class StopSignals : IDisposable
{
    static readonly PosixSignal sigUsr1 = (PosixSignal)(OperatingSystem.IsMacOS() ? 30 : 10);      // .NET has no name for it

    /// <summary>From the end of a run to that of the process: a terminal's late second hang-up does not change the exit code.</summary>
    static PosixSignalRegistration? lateHangUps;

    readonly CancellationTokenSource source = new();
    readonly PosixSignalRegistration[] registrations;
    int received, requested;

    public StopSignals()
    {
        PosixSignal[] signals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, .. OperatingSystem.IsWindows() ? [] : new[] { sigUsr1 }];
        registrations = [.. signals.Select(signal => PosixSignalRegistration.Create(signal, Handle))];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => source.Token;

    /// <summary>Told of the first signal, when the token is cancelled.</summary>
    public Action? Requested { get; set; }

    void Handle(PosixSignalContext context)
    {
        context.Cancel = true;
        if (context.Signal is PosixSignal.SIGINT or PosixSignal.SIGTERM && Interlocked.Increment(ref received) > 1)
        {
            if (!Console.IsOutputRedirected) Console.Write("\e[?25h\n");        // a live view hides the cursor
            Environment.Exit(ExitCode.Interrupted);
        }
        Request();
    }

    /// <summary>Asks to stop, as the first signal does.</summary>
    public void Request()
    {
        if (Interlocked.Exchange(ref requested, 1) == 1) return;
        source.Cancel();
        try
        {
            Requested?.Invoke();
        }
        catch (IOException)
        {
            // Nobody can be told, stdout is full or gone; what counts is that the run stops.
        }
    }

    public void Dispose()
    {
        lateHangUps ??= PosixSignalRegistration.Create(PosixSignal.SIGHUP, static context => context.Cancel = true);
        foreach (var registration in registrations) registration.Dispose();
        source.Dispose();
    }
}
