using System.Text.Json.Nodes;

namespace NanoGpt.Cli;

/// <summary>One thing that doctor looks at.</summary>
/// <param name="Name">What it is called, in a word or two; in JSON with underscores.</param>
/// <param name="Look">Looks; may take a second or two.</param>
sealed record Check(string Name, Func<Finding> Look);

/// <summary>What a check found.</summary>
/// <param name="Text">For a person, with units.</param>
/// <param name="Value">For a program; null where it is missing.</param>
/// <param name="Advice">What to do where something is missing or not as it should be.</param>
sealed record Finding(string Text, JsonNode? Value, string? Advice = null);
