using System.Text.Json;
using System.Text.Unicode;

namespace NanoGpt.Data;

/// <summary>JSON lines: an object a line, whose member <c>column</c> is a document. Blank lines are skipped, packed files unpacked.</summary>
internal sealed class JsonLinesFile(string path, string column) : DocumentFile(path, column)
{
    readonly byte[] name = System.Text.Encoding.UTF8.GetBytes(column);

    public override DocumentReader Open() => new LineReader(Path);

    public override void TakeTexts(RawChunk chunk, DocumentText texts)
    {
        ReadOnlySpan<byte> rest = chunk.Filled;
        if (!Utf8.IsValid(rest)) throw Fault(chunk.Start + LineOfInvalid(rest), "is not UTF-8; convert the file to UTF-8");
        for (long number = chunk.Start; !rest.IsEmpty; number++)
        {
            int end = rest.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            if (!line.Trim(" \t\r"u8).IsEmpty) TakeText(line, number, texts);
        }
    }

    void TakeText(ReadOnlySpan<byte> line, long number, DocumentText texts)
    {
        var reader = new Utf8JsonReader(line);
        bool found = false;
        try
        {
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject) throw Fault(number, $"is no object, but a {Kind(reader.TokenType)}; each line has to be like {{\"{Column}\": \"…\"}}");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool wanted = !found && IsName(reader);
                reader.Read();
                if (!wanted) reader.Skip();
                else if (reader.TokenType == JsonTokenType.String) Add(reader, texts);
                else if (reader.TokenType == JsonTokenType.Null) texts.Empty++;
                else throw Fault(number, $"has a {Kind(reader.TokenType)} as \"{Column}\", where a text should be");
                found |= wanted;
            }
            reader.Read(); // nothing may follow
        }
        catch (JsonException e)
        {
            throw Fault(number, $"is not JSON ({Reason(e)}); correct or remove the line");
        }
        if (!found) throw Fault(number, $"has no \"{Column}\", but {Members(line)}; choose one with --column");
    }

    /// <summary>A name with half of a surrogate pair, which JSON allows and the reader refuses to compare, is another one.</summary>
    bool IsName(in Utf8JsonReader reader)
    {
        try
        {
            return reader.ValueTextEquals(name);
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    static void Add(in Utf8JsonReader reader, DocumentText texts)
    {
        ReadOnlySpan<byte> value = reader.ValueSpan;
        if (!reader.ValueIsEscaped) texts.Add(value);
        else texts.Add(JsonEscapes.Undo(value, texts.Room(value.Length)));
    }

    static string Members(ReadOnlySpan<byte> line)
    {
        var names = new List<string>();
        var reader = new Utf8JsonReader(line);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            byte[] text = new byte[reader.ValueSpan.Length];
            names.Add($"\"{System.Text.Encoding.UTF8.GetString(text, 0, JsonEscapes.Undo(reader.ValueSpan, text))}\"");
            reader.Skip();
        }
        return names.Count == 0 ? "nothing at all" : string.Join(", ", names.Take(20));
    }

    InvalidDataException Fault(long line, string what) => new($"line {line} of '{Path}' {what}.");

    /// <summary>The reader's reason without its positions, which count from the line.</summary>
    static string Reason(JsonException e) => e.Message.Split(". LineNumber", 2)[0].Split(" LineNumber", 2)[0].TrimEnd('.');

    static string Kind(JsonTokenType type) => type switch
    {
        JsonTokenType.StartArray => "list",
        JsonTokenType.StartObject => "object",
        JsonTokenType.String => "string",
        JsonTokenType.Number => "number",
        JsonTokenType.Null => "null",
        _ => "truth value",
    };

    static long LineOfInvalid(ReadOnlySpan<byte> bytes)
    {
        int lines = 0;
        for (int end; (end = bytes.IndexOf((byte)'\n')) >= 0 && Utf8.IsValid(bytes[..end]); lines++) bytes = bytes[(end + 1)..];
        return lines;
    }
}
