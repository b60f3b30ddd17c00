using System.CommandLine;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using NanoGpt.Data;

namespace NanoGpt.Cli;

/// <summary><c>nanogpt tokenize</c>: text to token ids and back, from standard input to standard output.</summary>
static class TokenizeCommand
{
    static readonly JsonWriterOptions compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        var name = new Option<string>("--tokenizer") { Description = "gpt2, or the path of a tokenizer.json or of a folder with one", HelpName = "NAME", DefaultValueFactory = _ => "gpt2" };
        var jsonl = new Option<bool>("--jsonl") { Description = "each line is an object: {\"text\": …, \"allow_special\": true|false} gives {\"ids\": […]}" };
        var decode = new Option<bool>("--decode") { Description = "back from ids to text: lines {\"ids\": […]} give {\"text\": …}; without --jsonl, numbers give text" };
        var command = new DocumentedCommand("tokenize", "Turns text into token ids and back.", """
              echo "Hello, world" | nanogpt tokenize                       the ids, separated by spaces
              echo "15496 11 995" | nanogpt tokenize --decode              the text
              nanogpt tokenize --jsonl < texts.jsonl > ids.jsonl           a document a line
              nanogpt tokenize --jsonl --decode < ids.jsonl
              nanogpt tokenize --tokenizer=my-tokenizer/ < notes.txt       a vocabulary of your own
            """) { name, jsonl, decode };
        command.SetAction(result =>
        {
            var tokenizer = Tokenizers.Open(result.GetValue(name)!);
            using var input = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false), detectEncodingFromByteOrderMarks: false, 1 << 16);
            using var output = new BufferedStream(Console.OpenStandardOutput(), 1 << 16);
            if (result.GetValue(jsonl)) Lines(input, output, line => result.GetValue(decode) ? Decoded(tokenizer, line) : Encoded(tokenizer, line));
            else if (result.GetValue(decode)) Write(output, tokenizer.Decode(Numbers(input.ReadToEnd())));
            else Write(output, string.Join(' ', tokenizer.Encode(input.ReadToEnd())) + "\n");
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Answers each line with one; nothing of an answer is written before it is complete.</summary>
    static void Lines(StreamReader input, Stream output, Func<string, Action<Utf8JsonWriter>> answer)
    {
        long number = 0;
        while (input.ReadLine() is { } line)
        {
            number++;
            if (line.Length == 0) continue;
            try
            {
                var write = answer(line);
                using var json = new Utf8JsonWriter(output, compact);
                write(json);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or ArgumentException)
            {
                throw new InvalidDataException($"Line {number} of the input cannot be used: {e.Message.TrimEnd('.')}.", e);
            }
            output.WriteByte((byte)'\n');
        }
    }

    static Action<Utf8JsonWriter> Encoded(Tokenizer tokenizer, string line)
    {
        var (text, special) = TextLine.Read(line);
        int[] ids = special ? tokenizer.EncodeWithSpecial(text) : tokenizer.Encode(text);
        return json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("ids");
            foreach (int id in ids) json.WriteNumberValue(id);
            json.WriteEndArray();
            json.WriteEndObject();
        };
    }

    static Action<Utf8JsonWriter> Decoded(Tokenizer tokenizer, string line)
    {
        using var parsed = JsonDocument.Parse(line);
        if (parsed.RootElement.ValueKind != JsonValueKind.Object || !parsed.RootElement.TryGetProperty("ids", out var ids) || ids.ValueKind != JsonValueKind.Array)
            throw new FormatException("it has no list \"ids\"");
        string text = tokenizer.Decode([.. ids.EnumerateArray().Select(id => id.GetInt32())]);
        return json =>
        {
            json.WriteStartObject();
            json.WriteString("text", text);
            json.WriteEndObject();
        };
    }

    static int[] Numbers(string text)
    {
        string[] words = text.Split((char[])[' ', '\n', '\r', '\t', ','], StringSplitOptions.RemoveEmptyEntries);
        return [.. words.Select(word => int.TryParse(word, out int id) ? id : throw new InvalidDataException($"'{word}' is no token id; give numbers separated by spaces."))];
    }

    static void Write(Stream output, string text) => output.Write(Encoding.UTF8.GetBytes(text));
}
