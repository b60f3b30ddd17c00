using System.Buffers;

namespace NanoGpt.Cli;

/// <summary>Command lines as the user can type them here.</summary>
static class Invocation
{
    static readonly SearchValues<char> special = SearchValues.Create(OperatingSystem.IsWindows() ? " &;()<>|" : " '\"`#$&;()[]{}*?<>|\\");

    /// <summary>The thin script where it lies in the current folder, else the program's name.</summary>
    static string Program =>
        !OperatingSystem.IsWindows() && File.Exists("nanogpt") ? "./nanogpt"
        : OperatingSystem.IsWindows() && File.Exists("nanogpt.cmd") ? @".\nanogpt"
        : "nanogpt";

    /// <summary>A command line of this program.</summary>
    public static string Of(params ReadOnlySpan<string> arguments)
    {
        string line = Program;
        foreach (string argument in arguments) line += " " + Quoted(argument);
        return line;
    }

    /// <summary>Quotes where a shell wants them, on Unix such that it expands nothing; of --key=value only the value.</summary>
    static string Quoted(string argument)
    {
        if (!argument.AsSpan().ContainsAny(special)) return argument;
        int value = argument.StartsWith("--", StringComparison.Ordinal) ? argument.IndexOf('=') + 1 : 0;
        return argument[..value] + (OperatingSystem.IsWindows() ? $"\"{argument[value..]}\"" : $"'{argument[value..].Replace("'", @"'\''", StringComparison.Ordinal)}'");
    }
}
