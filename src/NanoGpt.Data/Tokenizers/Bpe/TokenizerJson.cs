using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace NanoGpt.Data;

/// <summary>Hugging Face's <c>tokenizer.json</c>, as far as it describes byte-level BPE, and GPT-2's older pair of <c>vocab.json</c> and <c>merges.txt</c>.</summary>
public static class TokenizerJson
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "tokenizer.json";

    static readonly JsonWriterOptions layout = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a <c>tokenizer.json</c>.</summary>
    /// <exception cref="InvalidDataException">It is no JSON, or describes something else than byte-level BPE.</exception>
    public static BpeTokenizer Load(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var model = json.RootElement.GetProperty("model");
            if (model.TryGetProperty("type", out var type) && type.GetString() != "BPE") throw Fault(path, $"its model is {type.GetString()}, not BPE");
            CheckPlain(path, json.RootElement, model);
            var ids = new Dictionary<string, int>();
            foreach (var entry in model.GetProperty("vocab").EnumerateObject()) ids[entry.Name] = entry.Value.GetInt32();
            int? endOfText = null;
            if (json.RootElement.TryGetProperty("added_tokens", out var added))
                foreach (var entry in added.EnumerateArray())
                {
                    int id = entry.GetProperty("id").GetInt32();
                    ids[entry.GetProperty("content").GetString()!] = id;
                    if (entry.GetProperty("content").GetString() == BpeTokenizer.EndOfTextMark) endOfText = id;
                }
            var tokens = ShownVocabulary.Bytes(ids);
            var merges = model.GetProperty("merges").EnumerateArray().Select(entry => Merge(path, entry, ids)).ToArray();
            return new BpeTokenizer("bpe", Pattern(path, json.RootElement), tokens, merges, endOfText);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw Fault(path, e.Message.TrimEnd('.'));
        }
    }

    /// <summary>Refuses what would give other tokens than byte-level BPE alone does.</summary>
    static void CheckPlain(string path, JsonElement root, JsonElement model)
    {
        if (root.TryGetProperty("normalizer", out var normalizer) && normalizer.ValueKind != JsonValueKind.Null) throw Fault(path, "it changes the text before it cuts it (normalizer), which is not supported");
        foreach (string affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
            if (model.TryGetProperty(affix, out var text) && text.ValueKind == JsonValueKind.String && text.GetString() != "") throw Fault(path, $"its tokens have a {affix}, which is not supported");
        foreach (string way in (string[])["byte_fallback", "ignore_merges"])
            if (model.TryGetProperty(way, out var set) && set.ValueKind == JsonValueKind.True) throw Fault(path, $"its model has {way}, which is not supported");
        if (!root.TryGetProperty("added_tokens", out var added)) return;
        foreach (var entry in added.EnumerateArray())
            if (entry.TryGetProperty("special", out var special) && special.ValueKind == JsonValueKind.False && entry.GetProperty("content").GetString() is { } content && content != BpeTokenizer.EndOfTextMark)
                throw Fault(path, $"its added token '{content}' stands for text that is no special mark, which is not supported");
    }

    /// <summary>Writes <c>tokenizer.json</c>, <c>vocab.json</c> and <c>merges.txt</c> into a folder.</summary>
    public static void Save(BpeTokenizer tokenizer, string folder)
    {
        Directory.CreateDirectory(folder);
        SaveFile(tokenizer, folder);
        Write(folder, "vocab.json", json => WriteVocabulary(json, tokenizer));
        var text = new StringBuilder("#version: 0.2\n");
        foreach (string merge in tokenizer.ShownMerges) text.Append(merge).Append('\n');
        Publish(folder, "merges.txt", Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <summary>Writes <c>tokenizer.json</c> alone, for either pattern.</summary>
    public static void SaveFile(BpeTokenizer tokenizer, string folder) => Write(folder, FileName, json => WriteTokenizer(json, tokenizer));

    /// <summary>Newer files have a merge as two strings, older ones as one with a space.</summary>
    static BpeMerge Merge(string path, JsonElement entry, Dictionary<string, int> ids)
    {
        string[] pair = entry.ValueKind == JsonValueKind.Array ? [.. entry.EnumerateArray().Select(e => e.GetString()!)] : (entry.GetString() ?? "").Split(' ');
        return pair is [var left, var right] && ShownVocabulary.Merge(left, right, ids) is { } merge ? merge
            : throw Fault(path, $"its merge '{string.Join(" ", pair)}' is not of two tokens of the vocabulary that make a third");
    }

    /// <summary>GPT-2's pattern, unless the file splits by a regular expression that is GPT-4's.</summary>
    static SplitPattern Pattern(string path, JsonElement root)
    {
        if (!root.TryGetProperty("pre_tokenizer", out var pre) || pre.ValueKind == JsonValueKind.Null) throw Fault(path, "it has no pre_tokenizer, so it is not byte-level");
        var steps = pre.TryGetProperty("pretokenizers", out var list) ? list.EnumerateArray().ToArray() : [pre];
        if (!steps.Any(step => step.GetProperty("type").GetString() == "ByteLevel")) throw Fault(path, "its pre_tokenizer is not ByteLevel");
        foreach (var step in steps)
        {
            if (step.TryGetProperty("add_prefix_space", out var prefix) && prefix.ValueKind == JsonValueKind.True) throw Fault(path, "it puts a space in front of each text, which is not supported");
            if (step.GetProperty("type").GetString() != "Split") continue;
            string? regex = step.GetProperty("pattern").TryGetProperty("Regex", out var r) ? r.GetString() : null;
            return regex == SplitPattern.Gpt4.Regex ? SplitPattern.Gpt4
                : regex == SplitPattern.Gpt2.Regex ? SplitPattern.Gpt2
                : throw Fault(path, $"it splits text by '{regex}'; GPT-2's and GPT-4's patterns are supported");
        }
        if (steps.Any(step => step.TryGetProperty("use_regex", out var use) && use.ValueKind == JsonValueKind.False)) throw Fault(path, "it does not split text into words, which is not supported");
        return SplitPattern.Gpt2;
    }

    static void WriteTokenizer(Utf8JsonWriter json, BpeTokenizer tokenizer)
    {
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        if (tokenizer.EndOfText is { } mark)
        {
            json.WriteStartObject();
            json.WriteNumber("id", mark);
            json.WriteString("content", BpeTokenizer.EndOfTextMark);
            foreach (string flag in (string[])["single_word", "lstrip", "rstrip", "normalized"]) json.WriteBoolean(flag, false);
            json.WriteBoolean("special", true);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteNull("normalizer");
        WriteSplit(json, tokenizer.Split);
        json.WriteStartObject("post_processor");
        WriteByteLevel(json, regex: true);
        json.WriteEndObject();
        json.WriteStartObject("decoder");
        WriteByteLevel(json, regex: true);
        json.WriteEndObject();
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteString("continuing_subword_prefix", "");
        json.WriteString("end_of_word_suffix", "");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WritePropertyName("vocab");
        WriteVocabulary(json, tokenizer);
        json.WriteStartArray("merges");
        foreach (string merge in tokenizer.ShownMerges) json.WriteStringValue(merge);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    static void WriteSplit(Utf8JsonWriter json, SplitPattern split)
    {
        json.WriteStartObject("pre_tokenizer");
        if (split == SplitPattern.Gpt2) WriteByteLevel(json, regex: true);      // it has GPT-2's pattern built in
        else
        {
            json.WriteString("type", "Sequence");
            json.WriteStartArray("pretokenizers");
            json.WriteStartObject();
            json.WriteString("type", "Split");
            json.WriteStartObject("pattern");
            json.WriteString("Regex", split.Regex);
            json.WriteEndObject();
            json.WriteString("behavior", "Isolated");
            json.WriteBoolean("invert", false);
            json.WriteEndObject();
            json.WriteStartObject();
            WriteByteLevel(json, regex: false);
            json.WriteEndObject();
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    static void WriteByteLevel(Utf8JsonWriter json, bool regex)
    {
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", false);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", regex);
    }

    static void WriteVocabulary(Utf8JsonWriter json, BpeTokenizer tokenizer)
    {
        json.WriteStartObject();
        for (int id = 0; id < tokenizer.VocabSize; id++) json.WriteNumber(tokenizer.Shown(id), id);
        json.WriteEndObject();
    }

    internal static void Write(string folder, string name, Action<Utf8JsonWriter> content)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, layout)) content(json);
        Publish(folder, name, buffer.WrittenSpan);
    }

    static void Publish(string folder, string name, ReadOnlySpan<byte> content)
    {
        using var file = new AtomicFile(Path.Combine(folder, name));
        file.Stream.Write(content);
        file.Complete();
        file.Publish();
    }

    static InvalidDataException Fault(string path, string what) => new($"'{path}' is no byte-level BPE tokenizer: {what}.");
}
