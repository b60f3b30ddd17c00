using System.Text;
using System.Text.Json;

namespace NanoGpt.Training;

/// <summary>Reads a JSON config: one object of plain values; comments and trailing commas are welcome.</summary>
internal static class JsonConfig
{
    static readonly object NoValue = new();
    static readonly JsonReaderOptions Options = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    public static List<ConfigEntry> Read(string path, ReadOnlySpan<byte> json)
    {
        if (json.StartsWith(Encoding.UTF8.Preamble))
            json = json[Encoding.UTF8.Preamble.Length..];
        var reader = new Utf8JsonReader(json, Options);
        try
        {
            return ReadObject(path, json, ref reader);
        }
        catch (JsonException fault)
        {
            // The reader's own message ends in a second, zero-based account of the place.
            int tail = fault.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
            throw new InvalidDataException($"{path}:{fault.LineNumber + 1}: malformed JSON: {(tail < 0 ? fault.Message : fault.Message[..tail])}", fault);
        }
    }

    static List<ConfigEntry> ReadObject(string path, ReadOnlySpan<byte> json, ref Utf8JsonReader reader)
    {
        var entries = new List<ConfigEntry>();
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new InvalidDataException($"{path}:{LineOf(json, reader)}: expected an object {{ \"key\": value, … }}.");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = ReadText(path, json, reader);
            int line = LineOf(json, reader);
            if (entries.FindIndex(e => e.Name == name) is >= 0 and var first)
                throw new InvalidDataException($"{path}:{line}: {name}: given twice, first on line {entries[first].Line}; keep one.");
            reader.Read();
            entries.Add(reader.TokenType switch
            {
                JsonTokenType.True => new(name, true, "true", line),
                JsonTokenType.False => new(name, false, "false", line),
                JsonTokenType.Number => new(name, Number(reader), Encoding.UTF8.GetString(reader.ValueSpan), line),
                JsonTokenType.String => Text(name, ReadText(path, json, reader), line),
                JsonTokenType.StartObject => new(name, NoValue, "an object", line),
                JsonTokenType.StartArray => new(name, NoValue, "a list", line),
                _ => new(name, NoValue, "null", line),
            });
            reader.Skip();
        }
        reader.Read();      // what follows the object, if it is not a comment, is malformed
        return entries;

        static ConfigEntry Text(string name, string value, int line) => new(name, value, $"\"{value}\"", line);
    }

    static object Number(in Utf8JsonReader reader)
    {
        if (reader.TryGetInt64(out long integer))
            return integer;
        return reader.TryGetDouble(out double number) && double.IsFinite(number) ? number : NoValue;
    }

    static string ReadText(string path, ReadOnlySpan<byte> json, in Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new InvalidDataException($"{path}:{LineOf(json, reader)}: malformed JSON: the text is not valid UTF-8.");
        }
    }

    static int LineOf(ReadOnlySpan<byte> json, in Utf8JsonReader reader) => 1 + json[..(int)reader.TokenStartIndex].Count((byte)'\n');
}
