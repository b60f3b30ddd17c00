using System.Text.Json;

namespace NanoGpt.Data;

/// <summary>
/// Hugging Face's <c>tokenizer.json</c> for one token per character: a text is split into characters, each is looked up, and decoding
/// puts them together again. A character outside the vocabulary is an error there, as here.
/// </summary>
public static class CharTokenizerJson
{
    const string EachCharacter = @"[\s\S]";     // the dot would leave line ends together

    /// <summary>Writes the file into a folder.</summary>
    public static void Save(CharTokenizer tokenizer, string folder) => TokenizerJson.Write(folder, TokenizerJson.FileName, json =>
    {
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        json.WriteEndArray();
        json.WriteNull("normalizer");
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "Split");
        json.WriteStartObject("pattern");
        json.WriteString("Regex", EachCharacter);
        json.WriteEndObject();
        json.WriteString("behavior", "Isolated");
        json.WriteBoolean("invert", false);
        json.WriteEndObject();
        json.WriteNull("post_processor");
        json.WriteStartObject("decoder");
        json.WriteString("type", "Fuse");
        json.WriteEndObject();
        json.WriteStartObject("model");
        json.WriteString("type", "WordLevel");
        json.WriteStartObject("vocab");
        foreach (var (id, character) in tokenizer.Vocabulary.Index()) json.WriteNumber(character, id);
        json.WriteEndObject();
        json.WriteString("unk_token", "<unk>");     // it has to be named; it is no token
        json.WriteEndObject();
        json.WriteEndObject();
    });

    /// <summary>Reads such a file; null where it is one of another kind.</summary>
    /// <exception cref="InvalidDataException">It is no JSON, or its vocabulary is not one of characters.</exception>
    internal static CharTokenizer? TryLoad(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = json.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("model", out var model) || model.ValueKind != JsonValueKind.Object) return null;
            if (!model.TryGetProperty("type", out var type) || !type.ValueEquals("WordLevel")) return null;
            if (root.GetProperty("pre_tokenizer").GetProperty("pattern").GetProperty("Regex").GetString() != EachCharacter) throw new FormatException("it does not split a text into characters");
            var vocabulary = model.GetProperty("vocab").EnumerateObject().Select(entry => (entry.Name, Id: entry.Value.GetInt32())).OrderBy(entry => entry.Id).ToArray();
            int stray = Array.FindIndex(vocabulary.Index().ToArray(), entry => entry.Index != entry.Item.Id);
            if (stray >= 0) throw new FormatException($"its ids are not 0 to {vocabulary.Length - 1}, each once: see {vocabulary[stray].Id}");
            return new CharTokenizer(vocabulary.Select(entry => entry.Name));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"'{path}' is no tokenizer that can be read: {e.Message.TrimEnd('.')}.", e);
        }
    }
}
