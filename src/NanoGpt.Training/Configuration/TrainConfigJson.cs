using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace NanoGpt.Training;

public sealed partial record TrainConfig
{
    static readonly JsonWriterOptions Indented = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The resolved configuration: a JSON object with every key, in the order of the table, that is also a config file.</summary>
    public string ToJson()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, Indented))
            WriteTo(writer);
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    /// <summary>Writes the object of <see cref="ToJson"/>.</summary>
    public void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        foreach (var key in ConfigKey.All)
        {
            writer.WritePropertyName(key.Name);
            switch (key.Get(this))
            {
                case bool value: writer.WriteBooleanValue(value); break;
                case int value: writer.WriteNumberValue(value); break;
                case double value: writer.WriteRawValue(ConfigKey.Format(value)); break;
                case string value: writer.WriteStringValue(value); break;
            }
        }
        writer.WriteEndObject();
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote; keys that are missing have their defaults.</summary>
    /// <param name="json">The object, as text.</param>
    /// <param name="source">The file it is from, for errors.</param>
    /// <exception cref="InvalidDataException">The JSON is malformed, a key is unknown or a value does not fit.</exception>
    public static TrainConfig FromJson(string json, string source) =>
        ConfigArguments.FromEntries(source, JsonConfig.Read(source, Encoding.UTF8.GetBytes(json))).ApplyTo(new TrainConfig());
}
