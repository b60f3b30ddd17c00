using System.Text;
using System.Text.Json;
using NanoGpt.Data;

namespace NanoGpt.Cli.Tests;

public class TokenizeCommandTests
{
    static Outcome Tokenize(byte[] input, params string[] options)
    {
        using var work = new Workplace();
        return work.Pipe(input, ["tokenize", .. options]);
    }

    static string Answer(string input, params string[] options) => Tokenize(Encoding.UTF8.GetBytes(input), options).Succeeded().Output;

    [Fact]
    public void Text_becomes_ids_and_ids_text()
    {
        Assert.Equal("15496 11 995 198\n", Answer("Hello, world\n"));
        Assert.Equal("Hello, world\n", Answer("15496, 11\t995\n", "--decode"));
        Assert.Equal("\n", Answer(""));
    }

    [Fact]
    public void A_line_of_JSON_gives_one()
    {
        string input = """
            {"text": "a<|endoftext|>b", "allow_special": true}

            {"text": "a<|endoftext|>b"}
            {"text": "a<|endoftext|>b", "allow_special": false}
            {"text": "\ud83d\ude00 \ud800"}
            """;
        string plain = Json(BpeTokenizer.Gpt2.Encode("a<|endoftext|>b"));
        Assert.NotEqual("""{"ids":[64,50256,65]}""", plain);
        Assert.Equal($"{{\"ids\":[64,50256,65]}}\n{plain}\n{plain}\n{Json(BpeTokenizer.Gpt2.Encode("\U0001F600 \uFFFD"))}\n", Answer(input, "--jsonl"));
        Assert.Equal("{\"text\":\"a<|endoftext|>b\"}\n{\"text\":\"\"}\n", Answer("{\"ids\": [64,50256,65]}\n{\"ids\": []}\n", "--jsonl", "--decode"));

        static string Json(int[] ids) => $"{{\"ids\":{JsonSerializer.Serialize(ids)}}}";
    }

    [Theory]
    [InlineData("{\"text\": \"a\"", "Line 2")]
    [InlineData("[1]", "no string \"text\"")]
    [InlineData("{\"text\": 5}", "no string \"text\"")]
    [InlineData("{\"text\": \"a\", \"allow_special\": 1}", "neither true nor false")]
    [InlineData("{\"ids\": [50257]}", "Token 50257", "--decode")]
    [InlineData("{\"ids\": [1.5]}", "Line 2", "--decode")]
    [InlineData("{\"ids\": 1}", "no list \"ids\"", "--decode")]
    [InlineData("{\"text\": \"a\"}", "no list \"ids\"", "--decode")]
    public void A_line_that_cannot_be_used_is_named_after_the_answers_before_it(string line, string expected, params string[] options)
    {
        bool decode = options.Length > 0;
        var outcome = Tokenize(Encoding.UTF8.GetBytes((decode ? "{\"ids\": [64]}\n" : "{\"text\": \"a\"}\n") + line + "\n"), ["--jsonl", .. options]);
        string fault = outcome.Fault(1);
        Assert.Contains("Line 2 of the input", fault);
        Assert.Contains(expected, fault);
        Assert.Equal(decode ? "{\"text\":\"a\"}\n" : "{\"ids\":[64]}\n", outcome.Output);
    }

    [Theory]
    [InlineData("12 x", "'x' is no token id")]
    [InlineData("12 99999", "Token 99999")]
    [InlineData("-1", "Token -1")]
    public void Ids_that_are_none_are_refused(string input, string expected)
    {
        var outcome = Tokenize(Encoding.UTF8.GetBytes(input), "--decode");
        Assert.Contains(expected, outcome.Fault(outcome.ExitCode));
        Assert.NotEqual(0, outcome.ExitCode);
    }

    [Fact]
    public void Bytes_that_are_no_UTF8_count_as_the_replacement_character()
    {
        string expected = string.Join(' ', BpeTokenizer.Gpt2.Encode("a\uFFFDb"));
        Assert.Equal(expected + "\n", Tokenize([(byte)'a', 0xFF, (byte)'b']).Succeeded().Output);
        Assert.Equal($"{{\"ids\":[{expected.Replace(' ', ',')}]}}\n", Tokenize([.. "{\"text\": \"a"u8, 0xFF, .. "b\"}\n"u8], "--jsonl").Succeeded().Output);
    }

    [Fact]
    public void A_tokenizer_that_is_not_there_is_one_sentence()
    {
        var outcome = Tokenize([], "--tokenizer=nowhere");
        Assert.Contains("There is no tokenizer 'nowhere'", outcome.Fault(outcome.ExitCode));
    }

    [Fact]
    public void A_vocabulary_of_ones_own_is_learned_written_and_used()
    {
        using var work = new Workplace();
        work.Write("notes/a.txt", string.Concat(Enumerable.Range(0, 400).Select(i => $"Number {i} is followed by number {i + 1}.\n")));
        string output = work.Run("tokenizer", "train", "--input", "notes", "--vocab_size=300", "--out=mine").Succeeded().Output;
        Assert.Contains("300 tokens", output);
        Assert.Equal(["merges.txt", "tokenizer.json", "vocab.json"], Directory.GetFiles(work["mine"]).Select(Path.GetFileName).Order());

        const string text = "Number 5 follows číslo 4.";
        string ids = work.Pipe(Encoding.UTF8.GetBytes(text), "tokenize", "--tokenizer=mine").Succeeded().Output;
        Assert.Equal(text + "\n", work.Pipe(Encoding.UTF8.GetBytes(ids), "tokenize", "--tokenizer=mine", "--decode").Succeeded().Output);
        Assert.Equal(Tokenizers.Open(work["mine"]).Encode(text), ids.Split(' ').Select(int.Parse));
        Assert.True(ids.Split(' ').Length < text.Length);
        File.Delete(work[Path.Combine("mine", "tokenizer.json")]);
        Assert.Equal(ids, work.Pipe(Encoding.UTF8.GetBytes(text), "tokenize", "--tokenizer=mine").Succeeded().Output);

        work.Run("tokenizer", "train", "--input", "notes", "--vocab_size=300", "--out=again").Succeeded();
        work.Run("prepare", "text", "--input", "notes", "--tokenizer=again", "--out=data").Succeeded();
        using var data = TokenDataset.Open(work["data"]);
        Assert.Equal(300, data.VocabSize);
        Assert.Equal(File.ReadAllBytes(work[Path.Combine("again", "tokenizer.json")]), File.ReadAllBytes(work[Path.Combine("data", "tokenizer.json")]));
    }

    [Theory]
    [InlineData("pattern is 'gpt3'", "--input=text.txt", "--pattern=gpt3")]
    [InlineData("There is no file or folder 'missing.txt'", "--input=missing.txt")]
    [InlineData("no name that tells what it holds", "--input=text.bin")]
    [InlineData("holds no text", "--input=empty.txt")]
    [InlineData("at least 257", "--input=text.txt", "--vocab_size=256")]
    public void A_vocabulary_that_cannot_be_learned_is_one_sentence_and_no_folder(string expected, params string[] options)
    {
        using var work = new Workplace();
        foreach (string name in (string[])["text.txt", "text.bin"]) work.Write(name, "some text, some more text");
        work.Write("empty.txt", "");
        var outcome = work.Run(["tokenizer", "train", .. options, "--out=mine"]);
        Assert.Contains(expected, outcome.Fault(outcome.ExitCode));
        Assert.NotEqual(0, outcome.ExitCode);
        Assert.False(Directory.Exists(work["mine"]));
    }
}
