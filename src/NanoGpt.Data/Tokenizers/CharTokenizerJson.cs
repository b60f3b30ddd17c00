using System.Text.Json;

namespace NanoGpt.Data;

/// <summary>
/// Hugging Face's <c>tokenizer.json</c> for one token per character: a text is split into characters, each is looked up, and decoding
/// puts them together again. A character outside the vocabulary is an error there, as here.
/// </summary>
public static class CharTokenizerJson
{
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
        json.WriteString("Regex", @"[\s\S]");       // the dot would leave line ends together
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
}
