namespace NanoGpt.Cli;

/// <summary>What stdout is.</summary>
static class Terminal
{
    /// <summary>Whether a line can be written over: a terminal, no pipe and no file, that knows more than TERM=dumb.</summary>
    public static bool CanRewrite => !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") != "dumb";
}
