using System.Text.Json.Nodes;

namespace NanoGpt.Data.Tests;

public sealed class TokenDatasetTests : IDisposable
{
    static readonly string Text = string.Concat(Enumerable.Range(0, 500).Select(i => (char)('a' + i * i % 26)));
    static readonly BatchKey Key = new(1, Split.Train, 0, 0);

    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    string Prepare()
    {
        Datasets.Prepare("text_char", [folder.Write("text.txt", Text)], folder["data"]);
        return folder["data"];
    }

    [Fact]
    public void A_prepared_data_set_opens_with_its_tokenizer()
    {
        using var dataset = TokenDataset.Open(Prepare());
        var ids = new int[450];
        dataset[Split.Train].Read(0, ids);
        Assert.Equal(Text[..450], dataset.Tokenizer!.Decode(ids));
        Assert.Equal(dataset.Tokenizer.VocabSize, dataset.VocabSize);
        Assert.Equal(50, dataset[Split.Val].Count);
    }

    [Fact]
    public void A_directory_made_by_nanogpt_opens_without_vocabulary()
    {
        folder.WriteTokens("train.bin", 1, 2, 50256);
        folder.WriteTokens("val.bin", 1, 2);
        folder.Write("meta.pkl", [0x80, 0x04]);
        using var dataset = TokenDataset.Open(folder.Root);
        Assert.Null(dataset.VocabSize);
        Assert.Null(dataset.Tokenizer);
        Assert.Contains("token 50256 at position 2", Assert.Throws<InvalidDataException>(() => dataset.Validate(50256)).Message, StringComparison.Ordinal);
        Assert.True(Datasets.IsPrepared(folder.Root));
    }

    [Theory]
    [InlineData(Split.Train)]
    [InlineData(Split.Val)]
    public void A_batch_is_windows_of_the_data_and_their_successors(Split split)
    {
        using var dataset = TokenDataset.Open(Prepare());
        const int B = 7, T = 13;
        int[] x = new int[B * T], y = new int[B * T], all = new int[dataset[split].Count];
        dataset[split].Read(0, all);
        BatchKey key = Key with { Split = split };
        dataset.Fill(key, B, T, x, y);
        for (int row = 0; row < B; row++)
        {
            int start = (int)BatchSampler.Offset(key, row, all.Length, T);
            Assert.Equal(all[start..(start + T)], x[(row * T)..((row + 1) * T)]);
            Assert.Equal(all[(start + 1)..(start + 1 + T)], y[(row * T)..((row + 1) * T)]);
        }
    }

    [Fact]
    public void The_last_token_is_reached_as_a_target()
    {
        folder.WriteTokens("train.bin", 10, 11, 12, 13, 14);
        folder.WriteTokens("val.bin", 1, 2, 3, 4);
        using var dataset = TokenDataset.Open(folder.Root);
        int[] x = new int[64 * 3], y = new int[64 * 3];
        dataset.Fill(Key, 64, 3, x, y);
        Assert.Contains(14, y);
        Assert.DoesNotContain(14, x);
        Assert.Contains(10, x);
    }

    [Fact]
    public void A_block_size_longer_than_the_data_is_refused_with_both_sizes()
    {
        using var dataset = TokenDataset.Open(Prepare());
        dataset.CheckBlockSize(49);
        var error = Assert.Throws<ArgumentException>(() => dataset.CheckBlockSize(50));
        Assert.Contains("block_size 50 needs 51 tokens", error.Message, StringComparison.Ordinal);
        Assert.Contains("holds only 50; use --block_size=49 or less", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => dataset.Fill(Key, 1, 450, new int[450], new int[450]));
        Assert.Throws<ArgumentException>(() => dataset.Fill(Key, 1, 0, [], []));
        Assert.Throws<ArgumentException>(() => dataset.Fill(Key, 2, 8, new int[16], new int[15]));
    }

    [Fact]
    public void Missing_directory_and_files_are_named()
    {
        Assert.Contains("'nowhere'", Assert.Throws<DirectoryNotFoundException>(() => TokenDataset.Open("nowhere")).Message, StringComparison.Ordinal);
        string data = Prepare();
        File.Delete(Path.Combine(data, "val.bin"));
        Assert.Contains("val.bin", Assert.Throws<FileNotFoundException>(() => TokenDataset.Open(data)).Message, StringComparison.Ordinal);
        File.Delete(Path.Combine(data, "train.bin"));
        Assert.Contains("train.bin", Assert.Throws<FileNotFoundException>(() => TokenDataset.Open(data)).Message, StringComparison.Ordinal);
        Assert.False(Datasets.IsPrepared(data));
    }

    [Theory]
    [InlineData(0, "is empty")]
    [InlineData(99, "odd length of 99 bytes")]
    [InlineData(98, "holds 49 tokens, but meta.json beside it says 50")]
    public void A_cut_file_is_refused(int length, string reason)
    {
        string val = Path.Combine(Prepare(), "val.bin");
        File.WriteAllBytes(val, File.ReadAllBytes(val)[..length]);
        var error = Assert.Throws<InvalidDataException>(() => TokenDataset.Open(folder["data"]));
        Assert.Contains($"'{val}'", error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_outside_the_vocabulary_is_refused_with_its_position()
    {
        string train = Path.Combine(Prepare(), "train.bin");
        byte[] bytes = File.ReadAllBytes(train);
        bytes[2 * 321 + 1] ^= 0x40;
        File.WriteAllBytes(train, bytes);
        var error = Assert.Throws<InvalidDataException>(() => TokenDataset.Open(folder["data"]));
        Assert.Contains($"'{train}' has token", error.Message, StringComparison.Ordinal);
        Assert.Contains("at position 321, outside the vocabulary of", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vocab_size", "27")]
    [InlineData("vocabulary", """["a","a"]""")]
    [InlineData("vocabulary", "null")]
    [InlineData("vocabulary", "7")]
    [InlineData("tokenizer", "\"bpe\"")]
    [InlineData("tokenizer_sha256", "\"00\"")]
    [InlineData("format_version", "2")]
    [InlineData("train_tokens", "-1")]
    [InlineData("train_shards", "[null]")]
    [InlineData("train_shards", """[{"name":"a","tokens":9223372036854775807,"sha256":""},{"name":"b","tokens":9223372036854775807,"sha256":""}]""")]
    [InlineData("train_tokens", null)]
    public void A_damaged_meta_json_is_refused_by_name(string key, string? value)
    {
        string path = Path.Combine(Prepare(), "meta.json");
        JsonObject meta = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        if (value is null) Assert.True(meta.Remove(key));
        else meta[key] = JsonNode.Parse(value);
        File.WriteAllText(path, meta.ToJsonString());
        var error = Assert.Throws<InvalidDataException>(() => TokenDataset.Open(folder["data"]));
        Assert.Contains("meta.json", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{\"format_ver")]
    [InlineData("[]")]
    public void A_meta_json_that_is_no_such_json_is_refused_by_name(string content)
    {
        string path = Path.Combine(Prepare(), "meta.json");
        File.WriteAllText(path, content);
        var error = Assert.Throws<InvalidDataException>(() => TokenDataset.Open(folder["data"]));
        Assert.Contains($"'{path}' is damaged", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Meta_json_says_what_the_data_set_is()
    {
        string data = Prepare();
        JsonNode meta = JsonNode.Parse(File.ReadAllText(Path.Combine(data, "meta.json")))!;
        Assert.Equal("text_char", (string?)meta["dataset"]);
        Assert.Equal("char", (string?)meta["tokenizer"]);
        Assert.Equal(Text.Distinct().Order().Select(c => c.ToString()), meta["vocabulary"]!.AsArray().Select(c => (string)c!));
        Assert.Equal(Sha256.OfFile(Path.Combine(data, "train.bin")), (string?)meta["train_sha256"]);
        Assert.Equal(Sha256.OfFile(Path.Combine(data, "val.bin")), (string?)meta["val_sha256"]);
        JsonNode source = Assert.Single(meta["sources"]!.AsArray())!;
        Assert.Equal(500, (long)source["bytes"]!);
        Assert.Equal(Sha256.OfFile(folder["text.txt"]), (string?)source["sha256"]);
    }
}
