namespace NanoGpt.Cli;

/// <summary>What the process returns.</summary>
static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Success = 0;

    /// <summary>It could not be done; one sentence on stderr says why.</summary>
    public const int Failure = 1;

    /// <summary>The command line is not one that can be done.</summary>
    public const int Usage = 2;

    /// <summary>A run was asked to stop (Ctrl-C, SIGTERM, SIGUSR1, a closed terminal) and has saved what it had.</summary>
    public const int Stopped = 3;

    /// <summary>Stopped at once, nothing saved.</summary>
    public const int Interrupted = 130;

    /// <summary>For the help of train.</summary>
    public const string Explained = """
        Exit codes:
          0    done
          1    failed: one line on stderr, "error: …", says why and what to do
          2    the command line is wrong, likewise
          3    stopped by Ctrl-C, SIGTERM, SIGUSR1 or a closed terminal; a checkpoint was saved and the command to resume printed
          130  stopped at once by a second Ctrl-C, or before there was anything to save
        """;
}
