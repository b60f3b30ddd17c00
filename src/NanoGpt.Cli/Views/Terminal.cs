namespace NanoGpt.Cli;

/// <summary>What stdout is.</summary>
static class Terminal
{
    /// <summary>Whether a line can be written over: a terminal, no pipe and no file, that knows more than TERM=dumb.</summary>
    public static bool CanRewrite => !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") != "dumb";

    /// <summary>Lets what writes to a terminal go on after it is closed; a fault of a pipe or a file stays one.</summary>
    public static void OutliveIt()
    {
        if (!Console.IsOutputRedirected) Console.SetOut(new TerminalWriter(Console.Out));
        if (!Console.IsErrorRedirected) Console.SetError(new TerminalWriter(Console.Error));
    }
}
