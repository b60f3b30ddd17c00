using System.Text;

namespace NanoGpt.Cli;

/// <summary>
/// Lets streamed text through until a stop text appears, also one that arrives in pieces. What may be the beginning of a stop
/// text is held back until it is known; the stop text itself never comes out.
/// </summary>
sealed class StopText(IReadOnlyList<string> stops)
{
    readonly StringBuilder held = new();

    /// <summary>Takes a piece; returns what can be shown, and whether the stop text has come.</summary>
    public (string Text, bool Stopped) Append(string piece)
    {
        string text = held.Append(piece).ToString();
        held.Clear();
        int first = stops.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
        if (first >= 0) return (text[..first], true);
        int hold = stops.Select(stop => Overlap(text, stop)).DefaultIfEmpty(0).Max();
        held.Append(text, text.Length - hold, hold);
        return (text[..^hold], false);
    }

    /// <summary>The end of the text: what was held back after all.</summary>
    public string Flush() => held.ToString();

    /// <summary>The longest end of the text that a stop text begins with.</summary>
    static int Overlap(string text, string stop)
    {
        int length = Math.Min(text.Length, stop.Length - 1);
        while (length > 0 && !text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length))) length--;
        return length;
    }
}
