using System.Text.Json;

namespace NanoGpt.Data.Tests;

public class TokenizerFilesTests
{
    [Fact]
    public void GPT2s_own_files_open_as_gpt2()
    {
        using var folder = new TempFolder();
        folder.Write("vocab.json", File.ReadAllBytes(SharedData.PathOf("gpt2_encoder.json")));
        folder.Write("merges.txt", File.ReadAllBytes(SharedData.PathOf("gpt2_vocab.bpe")));
        Assert.Same(BpeTokenizer.Gpt2, Tokenizers.Open(folder.Root));
        Assert.Same(BpeTokenizer.Gpt2, Tokenizers.Open(folder["merges.txt"]));
    }

    /// <summary>As Hugging Face lays out the <c>tokenizer.json</c> that lies beside its GPT-2.</summary>
    [Fact]
    public void GPT2s_tokenizer_of_Hugging_Face_opens_as_gpt2()
    {
        using var folder = new TempFolder();
        string merges = JsonSerializer.Serialize(File.ReadLines(SharedData.PathOf("gpt2_vocab.bpe")).Skip(1).Where(line => line.Length > 0));
        folder.Write("tokenizer.json", $$"""
            {"version": "1.0", "truncation": null, "padding": null,
             "added_tokens": [{"id": 50256, "special": true, "content": "<|endoftext|>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true}],
             "normalizer": null, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
             "post_processor": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false}, "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true},
             "model": {"dropout": null, "unk_token": null, "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": false, "vocab": {{File.ReadAllText(SharedData.PathOf("gpt2_encoder.json"))}}, "merges": {{merges}} } }
            """);
        Assert.Same(BpeTokenizer.Gpt2, Tokenizers.Open(folder.Root));
    }

    [Fact]
    public void A_merge_of_unknown_tokens_is_named_with_its_line()
    {
        using var folder = new TempFolder();
        folder.Write("vocab.json", """{"a": 0, "b": 1}""");
        folder.Write("merges.txt", "#version: 0.2\na b\n");
        var error = Assert.Throws<InvalidDataException>(() => Tokenizers.Open(folder.Root));
        Assert.Contains("merges.txt', line 2: 'a b'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Characters_come_back_from_their_tokenizer_json()
    {
        using var folder = new TempFolder();
        var characters = new CharTokenizer(["\n", " ", "\"", "\\", "a", "é", "日", "😀", "\u007f"]);
        CharTokenizerJson.Save(characters, folder.Root);
        var opened = Tokenizers.Open(folder.Root);
        Assert.Equal(characters.Hash, Assert.IsType<CharTokenizer>(opened).Hash);
        Assert.Equal([0, 0, 4, 7, 1], opened.Encode("\n\na😀 "));
    }

    [Theory]
    [InlineData("\"a\":0", "\"a\":3", "its ids are not 0 to 1, each once: see 1")]
    [InlineData("\"a\":0", "\"ab\":0", "'ab' is not exactly one character")]
    [InlineData("[\\\\s\\\\S]", ".", "it does not split a text into characters")]
    [InlineData("\"vocab\"", "\"words\"", "key")]
    public void A_damaged_vocabulary_of_characters_is_refused(string good, string bad, string expected)
    {
        using var folder = new TempFolder();
        CharTokenizerJson.Save(new CharTokenizer(["a", "b"]), folder.Root);
        Change(folder, good, bad);
        var fault = Assert.Throws<InvalidDataException>(() => Tokenizers.Open(folder.Root));
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.Contains("tokenizer.json", fault.Message, StringComparison.Ordinal);
    }

    /// <summary>What would give other tokens than byte-level BPE alone.</summary>
    [Theory]
    [InlineData("\"normalizer\":null", "\"normalizer\":{\"type\":\"Lowercase\"}", "normalizer")]
    [InlineData("\"added_tokens\":[", "\"added_tokens\":[{\"id\":0,\"content\":\"the\",\"special\":false}", "'the'")]
    [InlineData("\"end_of_word_suffix\":\"\"", "\"end_of_word_suffix\":\"</w>\"", "end_of_word_suffix")]
    [InlineData("\"type\":\"BPE\",", "\"type\":\"BPE\",\"ignore_merges\":true,", "ignore_merges")]
    [InlineData("\"merges\":[", "\"merges\":[null", "its merge ''")]
    public void A_tokenizer_that_does_more_is_refused(string good, string bad, string expected)
    {
        using var folder = new TempFolder();
        byte[][] tokens = [.. ByteAlphabet.Order.Select(b => (byte[])[b])];
        TokenizerJson.SaveFile(new BpeTokenizer("bpe", SplitPattern.Gpt2, tokens, [], null), folder.Root);
        Change(folder, good, bad);
        Assert.Contains(expected, Assert.Throws<InvalidDataException>(() => TokenizerJson.Load(folder["tokenizer.json"])).Message, StringComparison.Ordinal);
    }

    /// <summary>Puts something else into a <c>tokenizer.json</c>, given without spaces and line ends between its parts.</summary>
    static void Change(TempFolder folder, string good, string bad)
    {
        string text = File.ReadAllText(folder["tokenizer.json"]).ReplaceLineEndings("").Replace("\": ", "\":", StringComparison.Ordinal);
        Assert.Contains(good, text, StringComparison.Ordinal);
        folder.Write("tokenizer.json", System.Text.Encoding.UTF8.GetBytes(text.Replace(good, bad, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_vocabulary_of_ones_own_travels_with_its_data_set()
    {
        using var folder = new TempFolder();
        byte[][] tokens = [.. ByteAlphabet.Order.Select(b => (byte[])[b]), [.. "he"u8], [.. "<|endoftext|>"u8]];
        var order = ByteAlphabet.Order;
        var small = new BpeTokenizer("bpe", SplitPattern.Gpt4, tokens, [new BpeMerge(Array.IndexOf(order, (byte)'h'), Array.IndexOf(order, (byte)'e'), 256)], 257);
        small.SaveFiles(folder.Root);
        Assert.Equal(["tokenizer.json"], folder.Files());
        var meta = new DatasetMeta
        {
            FormatVersion = DatasetMeta.CurrentVersion, Dataset = "text", Tokenizer = "bpe", VocabSize = 258, TokenizerSha256 = small.Hash,
            TrainTokens = 1, ValTokens = 1, Vocabulary = [], Sources = [],
        };
        Assert.Equal(small.Encode("hehe, he"), meta.CreateTokenizer(folder["meta.json"]).Encode("hehe, he"));
        Assert.Throws<InvalidDataException>(() => (meta with { TokenizerSha256 = new string('0', 64) }).CreateTokenizer(folder["meta.json"]));
        BpeTokenizer.Gpt2.SaveFiles(folder["none"]);
        Assert.False(Directory.Exists(folder["none"]));
    }
}
