using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace NanoGpt.Data.Tests;

public class BpeTokenizerTests
{
    static readonly BpeTokenizer gpt2 = BpeTokenizer.Gpt2;

    [Fact]
    public void It_encodes_every_text_as_tiktoken_does()
    {
        int count = 0;
        foreach (string line in File.ReadLines(SharedData.PathOf("gpt2_bpe_vectors.jsonl")))
        {
            using var json = JsonDocument.Parse(line);
            string text = TextOf(json.RootElement.GetProperty("text").GetRawText());
            int[] expected = [.. json.RootElement.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            Assert.Equal(expected, json.RootElement.GetProperty("allow_special").GetBoolean() ? gpt2.EncodeWithSpecial(text) : gpt2.Encode(text));
            count++;
        }
        Assert.Equal(752, count);
    }

    [Fact]
    public void It_decodes_every_run_of_ids_as_tiktoken_does()
    {
        int count = 0;
        foreach (string line in File.ReadLines(SharedData.PathOf("gpt2_bpe_decode_vectors.jsonl")))
        {
            using var json = JsonDocument.Parse(line);
            int[] ids = [.. json.RootElement.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            Assert.Equal(json.RootElement.GetProperty("text").GetString(), gpt2.Decode(ids));
            Assert.Equal(json.RootElement.GetProperty("utf8_hex").GetString(), Convert.ToHexStringLower([.. ids.SelectMany(id => gpt2.Utf8(id).ToArray())]));
            count++;
        }
        Assert.Equal(103, count);
    }

    [Fact]
    public void The_vocabulary_is_GPT2s()
    {
        Assert.Equal(50257, gpt2.VocabSize);
        Assert.Equal(50256, gpt2.EndOfText);
        using var json = JsonDocument.Parse(File.ReadAllBytes(SharedData.PathOf("gpt2_encoder.json")));
        foreach (var entry in json.RootElement.EnumerateObject())
            if (entry.Value.GetInt32() != 50256) Assert.Equal(entry.Name, ByteAlphabet.Show(gpt2.Utf8(entry.Value.GetInt32())));
    }

    /// <summary>The splitters against the regular expressions they stand for, on texts full of what they care about.</summary>
    [Theory]
    [InlineData("gpt2")]
    [InlineData("gpt4")]
    public void Words_are_those_of_the_regular_expression(string name)
    {
        SplitPattern pattern = name == "gpt2" ? SplitPattern.Gpt2 : SplitPattern.Gpt4;
        var regex = new Regex(pattern.Regex, RegexOptions.CultureInvariant);
        var random = new Random(1);
        string[] parts = ["a", "B", "é", "中", "1", "22", "٣", "½", " ", "  ", "\n", "\r\n", "\t", "\u00A0", "\u3000", "'", "'s", "'S", "'ll", "'LL", "'re", "!", "...", "\u0301", "€", "-"];
        if (name == "gpt2") parts = [.. parts, "ſ"];     // for tiktoken, not for .NET, it is an s in GPT-4's 'S
        for (int round = 0; round < 20_000; round++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => parts[random.Next(parts.Length)]));
            byte[] utf8 = Encoding.UTF8.GetBytes(text);
            var words = new List<string>();
            for (int start = 0, end; start < utf8.Length; start = end) words.Add(Encoding.UTF8.GetString(utf8[start..(end = pattern.End(utf8, start))]));
            Assert.Equal(regex.Matches(text).Select(m => m.Value), words);
        }
    }

    [Fact]
    public void The_long_s_is_an_s_in_GPT4s_contractions()
    {
        byte[] text = Encoding.UTF8.GetBytes("'ſa");
        Assert.Equal(3, SplitPattern.Gpt4.End(text, 0));
    }

    [Fact]
    public void Long_words_are_merged_as_short_ones()
    {
        var random = new Random(2);
        for (int round = 0; round < 300; round++)
        {
            string word = string.Concat(Enumerable.Range(0, random.Next(60, 200)).Select(_ => "etaoin"[random.Next(1 + random.Next(6))]));
            Assert.Equal(Naive(word), gpt2.Encode(word));
        }
    }

    [Fact]
    public void A_megabyte_of_one_letter_takes_no_longer_than_other_text()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        int[] ids = gpt2.Encode(new string('a', 1 << 20));
        Assert.Equal(1 << 20, ids.Sum(id => gpt2.Utf8(id).Length));
        gpt2.Encode(new string(' ', 1 << 20));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"It took {clock.Elapsed}.");       // quadratic time would be hours
    }

    [Fact]
    public void Random_text_comes_back()
    {
        var random = new Random(3);
        for (int round = 0; round < 2000; round++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ =>
                Rune.TryCreate(random.Next(3) == 0 ? random.Next(0x110000) : random.Next(0x250), out Rune rune) ? rune.ToString() : "x"));
            Assert.Equal(text, gpt2.Decode(gpt2.Encode(text)));
        }
    }

    [Fact]
    public void Bytes_that_are_no_UTF8_count_as_replacement_characters()
    {
        var ids = new List<int>();
        gpt2.Encode([(byte)'a', 0xFF, (byte)'b', 0xE2, 0x82], ids);
        Assert.Equal(gpt2.Encode("a\uFFFDb\uFFFD"), ids);
        Assert.Equal(gpt2.Encode("a\uFFFDb"), gpt2.Encode("a\uD800b"));
    }

    [Fact]
    public void Many_threads_encode_with_one_tokenizer()
    {
        string[] texts = [.. Enumerable.Range(0, 200).Select(i => $"Document {i}: the quick brown fox number {i * 7919} jumped.")];
        int[][] expected = [.. texts.Select(gpt2.Encode)];
        Parallel.For(0, 2000, i => Assert.Equal(expected[i % 200], gpt2.Encode(texts[i % 200])));
    }

    [Fact]
    public void It_comes_back_from_its_files()
    {
        using var folder = new TempFolder();
        TokenizerJson.Save(gpt2, folder.Root);
        var loaded = (BpeTokenizer)Tokenizers.Open(folder.Root);
        Assert.Equal(gpt2.Hash, loaded.Hash);
        Assert.Equal(File.ReadAllText(SharedData.PathOf("gpt2_vocab.bpe")), File.ReadAllText(folder["merges.txt"]));
        Assert.Equal(gpt2.Encode("Hello, world!"), loaded.Encode("Hello, world!"));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[1]")]
    [InlineData("""{"model": {"type": "Unigram"}}""")]
    [InlineData("""{"model": {"vocab": {"a": 5}, "merges": []}}""")]
    [InlineData("""{"model": {"vocab": {"a": 0}, "merges": ["a b"]}}""")]
    [InlineData("""{"model": {"vocab": {"a": 0}, "merges": []}, "pre_tokenizer": {"type": "ByteLevel"}}""")]
    public void A_file_of_another_kind_is_refused_in_a_sentence(string json)
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", json);
        var e = Assert.Throws<InvalidDataException>(() => Tokenizers.Open(folder.Root));
        Assert.Contains("tokenizer.json' is no byte-level BPE tokenizer: ", e.Message);
    }

    /// <summary>All pairs looked at again for each merge.</summary>
    static int[] Naive(string word)
    {
        var tokens = Encoding.UTF8.GetBytes(word).Select(b => (int)Array.IndexOf(ByteAlphabet.Order, b)).ToList();
        var ranks = ranksOf.Value;
        while (true)
        {
            int best = -1;
            for (int i = 0; i + 1 < tokens.Count; i++)
                if (ranks.TryGetValue((tokens[i], tokens[i + 1]), out int rank) && (best < 0 || rank < ranks[(tokens[best], tokens[best + 1])])) best = i;
            if (best < 0) return [.. tokens];
            tokens[best] = 256 + ranks[(tokens[best], tokens[best + 1])];
            tokens.RemoveAt(best + 1);
        }
    }

    static readonly Lazy<Dictionary<(int, int), int>> ranksOf = new(() => gpt2.Merges.Select((merge, rank) => (merge, rank)).ToDictionary(m => (m.merge.Left, m.merge.Right), m => m.rank));

    /// <summary>The text of a JSON string, halves of surrogate pairs included.</summary>
    static string TextOf(string raw) => Regex.Replace(raw[1..^1], @"\\(u[0-9a-fA-F]{4}|.)", m => m.Value[1] switch
    {
        'u' => ((char)Convert.ToInt32(m.Value[2..], 16)).ToString(), 'n' => "\n", 't' => "\t", 'r' => "\r", 'b' => "\b", 'f' => "\f", _ => m.Value[1..],
    });

    /// <summary>The second encoding of a text of a megabyte, into a list that has room, on a thread whose cache is there.</summary>
    [Fact]
    public void Encoding_allocates_nothing_per_token()
    {
        var random = new Random(2);
        byte[] text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 220_000).Select(_ => gpt2.Decode([random.Next(50_000)]))));
        Assert.True(text.Length > 1_000_000);
        if (!System.Text.Unicode.Utf8.IsValid(text)) Assert.Fail("the text has to be UTF-8, or it is copied");
        var ids = new List<int>(text.Length);
        gpt2.Encode(text, ids);
        int tokens = ids.Count;
        Assert.True(tokens > 200_000);
        ids.Clear();
        long before = GC.GetAllocatedBytesForCurrentThread();
        gpt2.Encode(text, ids);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
        Assert.Equal(tokens, ids.Count);
    }
}
