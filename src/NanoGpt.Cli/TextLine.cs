using System.Globalization;
using System.Text;
using System.Text.Json;

namespace NanoGpt.Cli;

/// <summary>
/// A line <c>{"text": …, "allow_special": …}</c>. Half of a surrogate pair, which JSON can spell and .NET's reader refuses,
/// stays in the text; the tokenizer makes U+FFFD of it.
/// </summary>
static class TextLine
{
    /// <exception cref="JsonException">The line is no JSON.</exception>
    /// <exception cref="FormatException">It has no text, or allow_special is neither true nor false.</exception>
    public static (string Text, bool AllowSpecial) Read(string line)
    {
        using var json = JsonDocument.Parse(line);
        if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("text", out var text) || text.ValueKind != JsonValueKind.String)
            throw new FormatException("it has no string \"text\"");
        bool special = json.RootElement.TryGetProperty("allow_special", out var allow) && allow.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw new FormatException("its \"allow_special\" is neither true nor false"),
        };
        return (Unescape(text.GetRawText().AsSpan()[1..^1]), special);
    }

    static string Unescape(ReadOnlySpan<char> raw)
    {
        var text = new StringBuilder(raw.Length);
        for (int i = 0; i < raw.Length; i++)
        {
            if (raw[i] != '\\')
            {
                text.Append(raw[i]);
                continue;
            }
            char kind = raw[++i];
            text.Append(kind switch
            {
                'n' => '\n', 't' => '\t', 'r' => '\r', 'b' => '\b', 'f' => '\f',
                'u' => (char)ushort.Parse(raw.Slice(i + 1, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                _ => kind,
            });
            if (kind == 'u') i += 4;
        }
        return text.ToString();
    }
}
