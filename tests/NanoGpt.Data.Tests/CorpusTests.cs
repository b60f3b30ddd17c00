using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace NanoGpt.Data.Tests;

public sealed class CorpusTests : IDisposable
{
    static readonly string[] Texts = [.. Enumerable.Range(0, 3000).Select(i => $"Document {i} says: \"{string.Concat(Enumerable.Repeat($"{i * 7919 % 1000} über\n", i * 31 % 150))}\" ü😀.")];

    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    string Lines(IEnumerable<string> texts, string name = "a.jsonl") => folder.Write(name, string.Concat(texts.Select(text => JsonSerializer.Serialize(new { id = 1, text, more = new { text = "not this" } }) + "\n")));

    static CorpusPlan Plan(string path, ValSplit split, int threads = 2, ShardFormat format = ShardFormat.NanoGpt, long shardTokens = 300_000) => new()
    {
        Dataset = "books", Files = [new JsonLinesFile(path, "text")], Tokenizer = new ByteTokenizer(), Format = format, ShardTokens = shardTokens, Split = split, Threads = threads,
    };

    DatasetMeta Write(CorpusPlan plan, string name, Action<PrepareProgress>? report = null, CancellationToken stop = default) =>
        new CorpusWriter(plan, folder[name], report ?? (_ => { }), stop).Write();

    int[] Tokens(string name, IReadOnlyList<ShardFile>? shards)
    {
        var ids = new List<int>();
        foreach (ShardFile file in shards!)
        {
            using var shard = TokenShard.Open(Path.Combine(folder[name], file.Name));
            Assert.Equal(file.Tokens, shard.Count);
            var part = new int[shard.Count];
            shard.Read(0, part);
            ids.AddRange(part);
            Assert.Equal(file.Sha256, Sha256.OfFile(Path.Combine(folder[name], file.Name)));
        }
        return [.. ids];
    }

    static int[] Stream(IEnumerable<string> texts, bool endFirst) =>
        [.. texts.SelectMany(text => (int[])[.. endFirst ? [ByteTokenizer.End] : Array.Empty<int>(), .. new ByteTokenizer().Encode(text), .. endFirst ? [] : new[] { ByteTokenizer.End }])];

    [Theory]
    [InlineData(ShardFormat.NanoGpt)]
    [InlineData(ShardFormat.LlmC)]
    [InlineData(ShardFormat.Npy)]
    public void The_stream_is_the_documents_with_ends_between_them_in_shards_of_equal_size(ShardFormat format)
    {
        DatasetMeta meta = Write(Plan(Lines(Texts), new ValSplit.FirstDocuments(60), format: format), "out");
        bool first = format != ShardFormat.NanoGpt;
        Assert.Equal(Stream(Texts[..60], first), Tokens("out", meta.ValShards));
        Assert.Equal(Stream(Texts[60..], first), Tokens("out", meta.TrainShards));
        Assert.InRange(meta.TrainShards!.Count, 5, 50);
        Assert.All(meta.TrainShards.SkipLast(1), shard => Assert.Equal(300_000, shard.Tokens));
        Assert.Equal(3000, meta.Documents);
        Assert.Equal(format switch { ShardFormat.NanoGpt => "train_000001.bin", ShardFormat.LlmC => "books_train_000001.bin", _ => "books_train_000001.npy" }, meta.TrainShards[0].Name);
        Assert.Equal(new FileInfo(folder["a.jsonl"]).Length, Assert.Single(meta.Sources).Bytes);
        Assert.True(Datasets.IsPrepared(folder["out"]));
        Assert.False(Directory.Exists(Path.Combine(folder["out"], "unfinished")));
    }

    [Fact]
    public void The_first_shard_is_for_validation_where_it_should_be()
    {
        DatasetMeta meta = Write(Plan(Lines(Texts), new ValSplit.FirstShard(), format: ShardFormat.LlmC), "out");
        Assert.Equal("books_val_000000.bin", Assert.Single(meta.ValShards!).Name);
        Assert.Equal(300_000, meta.ValTokens);
        Assert.Equal(Stream(Texts, endFirst: true), Tokens("out", [.. meta.ValShards!, .. meta.TrainShards!]));
    }

    [Fact]
    public void Any_number_of_threads_gives_the_same_files()
    {
        string path = Lines(Texts);
        DatasetMeta[] made = [.. new[] { 1, 2, 5 }.Select(threads => Write(Plan(path, new ValSplit.Hashed(0.1, 7), threads), $"out{threads}"))];
        Assert.All(made, meta => Assert.Equal(made[0].TrainShards!.Concat(made[0].ValShards!), meta.TrainShards!.Concat(meta.ValShards!)));
        Assert.InRange(made[0].ValTokens / (double)(made[0].TrainTokens + made[0].ValTokens), 0.07, 0.13);
    }

    /// <summary>How it is split, the tokens of a shard, and after how many it stops; with small shards this is within the piece that holds all validation documents.</summary>
    public static TheoryData<int, int, int> Stops => new()
    {
        { 0, 300_000, 1_500_000 }, { 1, 300_000, 1_500_000 }, { 2, 300_000, 1_500_000 }, { 3, 300_000, 1_500_000 },
        { 0, 20_000, 0 }, { 1, 20_000, 0 }, { 2, 20_000, 0 },
    };

    [Theory]
    [MemberData(nameof(Stops))]
    public void A_preparation_that_was_stopped_goes_on_at_the_first_missing_shard(int kind, int shardTokens, int stopAfter)
    {
        ValSplit split = kind switch { 0 => new ValSplit.FirstDocuments(60), 1 => new ValSplit.Hashed(0.1, 7), 2 => new ValSplit.FirstShard(), _ => new ValSplit.LastPart(0.1) };
        CorpusPlan plan = Plan(Lines(Texts), split, shardTokens: shardTokens);
        if (kind == 3) plan = plan with { Files = [.. Texts.Chunk(100).Select((texts, i) => new TextFile(folder.Write($"{i:00}.txt", string.Concat(texts)), valFrom: i < 27 ? long.MaxValue : 0))] };
        DatasetMeta whole = Write(plan, "whole");
        using var stop = new CancellationTokenSource();
        var stopped = Assert.Throws<PreparationStoppedException>(() => Write(plan, "out", progress =>
        {
            if (progress.Tokens > stopAfter) stop.Cancel();
        }, stop.Token));
        Assert.False(Datasets.IsPrepared(folder["out"]));
        string[] kept = [.. Directory.GetFiles(Path.Combine(folder["out"], "unfinished"), "train_*.bin").Order()];
        Assert.InRange(kept.Length, 1, whole.TrainShards!.Count - 1);
        Assert.Contains($"goes on after the {(kept.Length == 1 ? "training shard" : $"{kept.Length} training shards")}", stopped.Message, StringComparison.Ordinal);
        DateTime written = File.GetLastWriteTimeUtc(kept[0]);

        var writer = new CorpusWriter(plan, folder["out"], _ => { }, default);
        DatasetMeta meta = writer.Write();
        Assert.Contains(writer.Notes, note => note.StartsWith("went on after", StringComparison.Ordinal));
        Assert.Equal(whole.TrainShards!.Concat(whole.ValShards!), meta.TrainShards!.Concat(meta.ValShards!));
        Assert.Equal(written, File.GetLastWriteTimeUtc(Path.Combine(folder["out"], "train_000001.bin")));
        Assert.Equal(whole.Documents, meta.Documents);
    }

    [Fact]
    public void Another_column_or_another_file_is_not_what_was_begun()
    {
        string path = Lines(Texts[..100]), copy = folder["copy.jsonl"];
        File.Copy(path, copy);
        File.SetLastWriteTimeUtc(copy, File.GetLastWriteTimeUtc(path));
        CorpusPlan begun = Plan(path, new ValSplit.FirstDocuments(1));
        string[] others =
        [
            (begun with { Files = [new JsonLinesFile(path, "more")] }).Identity, (begun with { Files = [new JsonLinesFile(copy, "text")] }).Identity,
            (begun with { ShardTokens = 1 }).Identity, (begun with { Split = new ValSplit.FirstDocuments(2) }).Identity, (begun with { Format = ShardFormat.Npy }).Identity,
        ];
        Assert.DoesNotContain(begun.Identity, others);
        Assert.Equal(begun.Identity, Plan(path, new ValSplit.FirstDocuments(1), threads: 7).Identity);
    }

    [Fact]
    public void Another_corpus_starts_anew_and_takes_the_place_of_the_old_one()
    {
        Write(Plan(Lines(Texts), new ValSplit.FirstDocuments(60)), "out");
        DatasetMeta meta = Write(Plan(Lines(Texts[..200], "b.jsonl"), new ValSplit.FirstDocuments(20)), "out");
        Assert.Equal(["meta.json", "train.bin", "val.bin"], Directory.GetFiles(folder["out"]).Select(Path.GetFileName).Order());
        Assert.Equal(Stream(Texts[20..200], endFirst: false), Tokens("out", meta.TrainShards));
    }

    [Theory]
    [InlineData("{\"text\": \"a\"", "line 3 of '*' is not JSON")]
    [InlineData("{\"text\": \"a\"} x", "line 3 of '*' is not JSON")]
    [InlineData("[1]", "line 3 of '*' is no object, but a list")]
    [InlineData("{\"body\": \"a\", \"n\": [1, {}]}", "line 3 of '*' has no \"text\", but \"body\", \"n\"")]
    [InlineData("{\"\\ud800\": 1}", "line 3 of '*' has no \"text\", but \"\uFFFD\"")]
    [InlineData("{\"text\": 5}", "line 3 of '*' has a number as \"text\"")]
    public void A_malformed_line_is_named_and_nothing_is_left(string line, string expected)
    {
        string path = folder.Write("bad.jsonl", $"{{\"text\": \"first\"}}\n\n{line}\n{{\"text\": \"last\"}}\n");
        string message = Assert.Throws<InvalidDataException>(() => Write(Plan(path, new ValSplit.FirstDocuments(1)), "out")).Message;
        Assert.StartsWith(expected.Replace("*", path, StringComparison.Ordinal), message, StringComparison.Ordinal);
        Assert.Equal(["bad.jsonl"], folder.Files());
        Assert.False(Directory.Exists(folder["out"]));
    }

    [Fact]
    public void A_name_with_half_a_surrogate_pair_is_another_one()
    {
        string path = folder.Write("a.jsonl", """{"\ud800": 1, "text": "there"}""");
        Assert.Equal(["there"], Documents.Of(new JsonLinesFile(path, "text")));
    }

    [Fact]
    public void Ids_that_two_bytes_do_not_hold_go_into_npy_and_nowhere_else()
    {
        byte[][] tokens = [.. ByteAlphabet.Order.Select(b => (byte[])[b]), .. Enumerable.Range(0, 65_400).Select(i => System.Text.Encoding.UTF8.GetBytes($"{i:x6}"))];
        Directory.CreateDirectory(folder["wide"]);
        TokenizerJson.SaveFile(new BpeTokenizer("bpe", SplitPattern.Gpt2, tokens, [], null), folder["wide"]);
        var options = new PrepareOptions { Inputs = [Lines(Texts[..50])], Tokenizer = folder["wide"], ValDocs = 1, Format = ShardFormat.Npy };
        PreparedDataset made = Datasets.Prepare("jsonl", options, folder["out"]);
        using var shard = TokenShard.Open(Path.Combine(folder["out"], made.Meta.TrainShards![0].Name));
        Assert.Equal(shard.Count * 4 + 128, new FileInfo(Path.Combine(folder["out"], made.Meta.TrainShards[0].Name)).Length);
        Assert.Contains("--format=npy", Assert.Throws<ArgumentException>(() => Datasets.Prepare("jsonl", options with { Format = null }, folder["other"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Invalid_utf8_is_named_by_its_line()
    {
        string path = folder.Write("bad.jsonl", [.. "{\"text\": \"first\"}\n{\"text\": \""u8, 0xC3, .. "\"}\n"u8]);
        Assert.Contains($"line 2 of '{path}' is not UTF-8", Assert.Throws<InvalidDataException>(() => Documents.Of(new JsonLinesFile(path, "text"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Escapes_are_undone_and_half_a_surrogate_pair_is_replaced()
    {
        string path = folder.Write("a.jsonl", """{"text": "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00|\ud83d|\ude00|\ud83d\u0041|\u0000"}""");
        Assert.Equal("\"\\/\b\f\n\r\té😀|\uFFFD|\uFFFD|\uFFFDA|\0", Assert.Single(Documents.Of(new JsonLinesFile(path, "text"))));
    }

    [Fact]
    public void Documents_without_text_are_left_out_and_counted()
    {
        string path = folder.Write("a.jsonl", "\uFEFF{\"text\": \"\"}\r\n{\"text\": null}\n   \n{\"text\": \"there\"}");
        Assert.Equal(["there"], Documents.Of(new JsonLinesFile(path, "text"), out int empty));
        Assert.Equal(2, empty);
    }

    [Fact]
    public void Lines_longer_than_a_piece_and_packed_files_are_read_whole()
    {
        string[] texts = ["a", new string('b', 5_000_000), "c\n", new string('d', (1 << 20) - 13), "e"];
        string path = Lines(texts), packed = folder["a.jsonl.gz"];
        using (var stream = new GZipStream(File.Create(packed), CompressionMode.Compress)) stream.Write(File.ReadAllBytes(path));
        Assert.Equal(texts, Documents.Of(new JsonLinesFile(path, "text")));
        Assert.Equal(texts, Documents.Of(new JsonLinesFile(packed, "text")));
        File.WriteAllBytes(packed, File.ReadAllBytes(packed)[..^20]);
        Assert.Contains(packed, Assert.Throws<InvalidDataException>(() => Documents.Of(new JsonLinesFile(packed, "text"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("word and word\r\n")]
    [InlineData("日本語のテキスト。")]
    [InlineData("\r\n")]
    [InlineData("x")]
    public void A_long_text_is_put_together_from_its_pieces(string unit)
    {
        string text = "\uFEFF" + string.Concat(Enumerable.Repeat(unit, 5_000_000 / unit.Length));
        string path = folder.Write("a.txt", text);
        string expected = text[1..].Replace("\r\n", "\n", StringComparison.Ordinal);
        Assert.Equal(expected, Assert.Single(Documents.Of(new TextFile(path))));
        List<string> parts = Documents.Of(new TextFile(path, valFrom: 4_000_000));
        Assert.Equal(expected, string.Concat(parts));
    }

    [Fact]
    public void Too_few_documents_are_refused()
    {
        string path = Lines(["only one"]);
        Assert.Contains("--val_docs", Assert.Throws<InvalidDataException>(() => Write(Plan(path, new ValSplit.FirstDocuments(1)), "out")).Message, StringComparison.Ordinal);
        string blank = folder.Write("blank.jsonl", "\n\n");
        Assert.Contains("holds no text", Assert.Throws<InvalidDataException>(() => Write(Plan(blank, new ValSplit.FirstDocuments(1)), "out")).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["out"]));
    }

    [Fact]
    public void Characters_can_be_the_tokens_of_documents()
    {
        PreparedDataset made = Datasets.Prepare("jsonl", new PrepareOptions { Inputs = [folder.Root + "/*.jsonl"], Tokenizer = "char", ValDocs = 1 }, Path.Combine(Path.GetDirectoryName(Lines(["abc", "cab", "ü"]))!, "out"));
        Assert.Equal(["a", "b", "c", "ü"], made.Meta.Vocabulary);
        Assert.Equal((4, 3), (made.Meta.TrainTokens, made.Meta.ValTokens));
        using var dataset = TokenDataset.Open(made.Directory);
        Assert.Equal(4, dataset.VocabSize);
    }
}
