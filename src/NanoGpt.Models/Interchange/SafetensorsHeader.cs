using System.Text.Json;

namespace NanoGpt.Models;

/// <summary>
/// Parses and checks the JSON header of a safetensors file. After this every tensor lies inside the file, no two overlap,
/// nothing lies between them, and each is as large as its shape and type say; so readers need not check again.
/// </summary>
internal static class SafetensorsHeader
{
    /// <summary>The format's own limit, 100 MB.</summary>
    public const int MaxBytes = 100_000_000;

    const string Metadata = "__metadata__";

    /// <param name="json">The header, without its length.</param>
    /// <param name="dataLength">Bytes of the file after the header.</param>
    /// <param name="metadata">Receives the text entries of <c>__metadata__</c>.</param>
    /// <returns>The tensors in the order of their data.</returns>
    /// <exception cref="FormatException">The header breaks a rule of the format; the message says which.</exception>
    public static List<SafetensorsEntry> Parse(ReadOnlySpan<byte> json, long dataLength, Dictionary<string, string> metadata)
    {
        if (json.IsEmpty || json[0] != '{')
            throw new FormatException("the header does not begin with '{'");
        var entries = new List<SafetensorsEntry>();
        var names = new HashSet<string>();
        try
        {
            var reader = new Utf8JsonReader(json);
            reader.Read();
            while (NextProperty(ref reader, out string name))
            {
                if (!names.Add(name))
                    throw new FormatException($"the name '{name}' occurs twice");
                if (name == Metadata)
                    ReadMetadata(ref reader, metadata);
                else
                    entries.Add(ReadEntry(ref reader, name, 8 + json.Length));
            }
            reader.Read();      // only white space may follow
        }
        catch (JsonException fault)
        {
            throw new FormatException("the header is not valid JSON", fault);
        }
        catch (InvalidOperationException fault)
        {
            throw new FormatException("the header has a value of the wrong kind or text that is not UTF-8", fault);
        }
        entries.Sort((a, b) => (a.Offset, a.ByteLength).CompareTo((b.Offset, b.ByteLength)));
        long end = 8 + json.Length;
        foreach (var entry in entries)
        {
            if (entry.Offset != end)
                throw new FormatException($"the data of '{entry.Name}' begins at byte {entry.Offset}, but what comes before it ends at {end}");
            end += entry.ByteLength;        // cannot overflow: an offset that is not below the length of the file fails above
            if (end > 8 + json.Length + dataLength)
                throw new FormatException($"the data of '{entry.Name}' ends at byte {end}, but the file at {8 + json.Length + dataLength}: it is cut short");
        }
        if (end != 8 + json.Length + dataLength)
            throw new FormatException($"the tensors end at byte {end}, but the file at {8 + json.Length + dataLength}");
        return entries;
    }

    /// <summary>Moves into the next property's value; false at the end of the object.</summary>
    static bool NextProperty(ref Utf8JsonReader reader, out string name)
    {
        reader.Read();
        name = reader.TokenType == JsonTokenType.PropertyName ? reader.GetString()! : "";
        return reader.TokenType == JsonTokenType.PropertyName && reader.Read();
    }

    static void ReadMetadata(ref Utf8JsonReader reader, Dictionary<string, string> metadata)
    {
        Expect(reader, JsonTokenType.StartObject, Metadata, "an object");
        while (NextProperty(ref reader, out string key))
        {
            Expect(reader, JsonTokenType.String, Metadata, "only text");
            if (!metadata.TryAdd(key, reader.GetString()!))
                throw new FormatException($"the name '{key}' occurs twice in {Metadata}");
        }
    }

    static SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string name, long dataStart)
    {
        SafetensorsDtype? dtype = null;
        List<long>? shape = null, offsets = null;
        Expect(reader, JsonTokenType.StartObject, name, "an object");
        while (NextProperty(ref reader, out string field))
        {
            switch (field)
            {
                case "dtype" when dtype is null: dtype = ReadDtype(ref reader, name); break;
                case "shape" when shape is null: shape = ReadNumbers(ref reader, name, "shape"); break;
                case "data_offsets" when offsets is null: offsets = ReadNumbers(ref reader, name, "data_offsets"); break;
                case "dtype" or "shape" or "data_offsets": throw new FormatException($"'{name}' has two fields {field}");
                default: reader.Skip(); break;
            }
        }
        if (dtype is not { } type || shape is null || offsets is null)
            throw new FormatException($"'{name}' lacks its {(dtype is null ? "dtype" : shape is null ? "shape" : "data_offsets")}");
        if (offsets is not [var begin, var end] || begin > end || end > long.MaxValue - dataStart)
            throw new FormatException($"the data_offsets of '{name}' are not a begin and an end");
        if (ByteLength(type, shape) is not { } bytes || bytes != end - begin)
            throw new FormatException($"'{name}' is {type} of shape [{string.Join(", ", shape)}], which does not fit its {end - begin} bytes");
        return new SafetensorsEntry(name, type, shape, dataStart + begin, bytes);
    }

    static SafetensorsDtype ReadDtype(ref Utf8JsonReader reader, string name)
    {
        Expect(reader, JsonTokenType.String, name, "a dtype in quotes");
        string text = reader.GetString()!;
        foreach (var dtype in Enum.GetValues<SafetensorsDtype>())
            if (dtype.ToString() == text)
                return dtype;
        throw new FormatException($"'{name}' has dtype '{text}', which is not one of {string.Join(", ", Enum.GetNames<SafetensorsDtype>())}");
    }

    static List<long> ReadNumbers(ref Utf8JsonReader reader, string name, string field)
    {
        Expect(reader, JsonTokenType.StartArray, name, $"a list as its {field}");
        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long number) || number < 0)
                throw new FormatException($"the {field} of '{name}' has a value that is not a whole number from 0 up");
            numbers.Add(number);
        }
        return numbers;
    }

    /// <summary>Bytes of a tensor, or null where they overflow.</summary>
    static long? ByteLength(SafetensorsDtype dtype, List<long> shape)
    {
        if (shape.Contains(0))
            return 0;
        Int128 bytes = dtype.Size();
        foreach (long size in shape)
            if ((bytes *= size) > long.MaxValue)
                return null;
        return (long)bytes;
    }

    static void Expect(in Utf8JsonReader reader, JsonTokenType token, string name, string what)
    {
        if (reader.TokenType != token)
            throw new FormatException($"'{name}' must have {what}");
    }
}
