using System.Text;
using NanoGpt.Data;

namespace NanoGpt.Cli;

/// <summary>A sample as text: decoded token by token, up to the end of the text or a stop text.</summary>
sealed class SampleText(Tokenizer tokenizer, IReadOnlyList<string> stops)
{
    readonly StreamingDecoder decoder = new(tokenizer);
    readonly StopText filter = new(stops);
    readonly StringBuilder waiting = new();

    /// <summary>Whether nothing more will come.</summary>
    public bool Done { get; private set; }

    /// <summary>Takes the next token; after the end it is ignored.</summary>
    public void Append(int id)
    {
        if (Done) return;
        if (id == tokenizer.EndOfText)
        {
            End();
            return;
        }
        (string text, Done) = filter.Append(decoder.Append(id));
        waiting.Append(text);
    }

    /// <summary>There are no more tokens: what was held back comes out.</summary>
    public void End()
    {
        if (Done) return;
        Done = true;
        var (text, stopped) = filter.Append(decoder.Flush());
        waiting.Append(text);
        if (!stopped) waiting.Append(filter.Flush());
    }

    /// <summary>The text since the last time.</summary>
    public string Take()
    {
        string text = waiting.ToString();
        waiting.Clear();
        return text;
    }
}
