using System.CommandLine;

namespace NanoGpt.Cli;

/// <summary>A command whose help ends with examples.</summary>
sealed class DocumentedCommand(string name, string description, string examples) : Command(name, description)
{
    /// <summary>Command lines that can be typed as they are, and what they do.</summary>
    public string Examples { get; } = examples;

    /// <summary>The help before the examples, where the options are not all that there is to say.</summary>
    public Func<string>? FullHelp { get; init; }
}
