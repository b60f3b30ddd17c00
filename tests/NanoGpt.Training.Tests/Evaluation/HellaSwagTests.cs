using System.Text.Json;
using NanoGpt.Data;

namespace NanoGpt.Training.Tests;

public sealed class HellaSwagTests : IDisposable
{
    readonly TemporaryFolder folder = new();
    readonly CharTokenizer tokenizer = new([.. Enumerable.Range(32, 95).Select(c => ((char)c).ToString())]);

    public void Dispose() => folder.Dispose();

    string Write(string name, params string[] lines)
    {
        string path = Path.Combine(folder.Path, name);
        File.WriteAllLines(path, lines);
        return path;
    }

    static string Line(string context, int label, params string[] endings) => JsonSerializer.Serialize(new { ctx = context, label, endings });

    /// <summary>Several items with equally long contexts, one of a single token, and one that is longer than the model's context.</summary>
    string Items() => Write("items.jsonl", Line("A man is", 0, "here.", "on the roof of it", "x", "a boat."), Line("The dogs", 3, "run far", "b", "ccc", "sleep"),
        Line("Q", 1, "uiet please", "u", "v w", "x"), Line("A woman sits", 2, "down", "up", "on", "a chair"), Line(new string('z', 100), 1, "end", "ending", "e", "abc"));

    /// <summary>Each ending by itself behind its whole context.</summary>
    static double[][] OneByOne(HellaSwag tasks, SmallModel small) => [.. tasks.Items.Select(item => item.Endings.Select(ending =>
    {
        int room = small.Model.Config.BlockSize - item.Endings.Max(e => e.Length) + 1;
        int[] context = item.Context.Length > room ? item.Context[^room..] : item.Context, all = [.. context, .. ending];
        return small.TokenLosses(all[..^1], all[1..]).Skip(context.Length - 1).Sum(loss => (double)loss);
    }).ToArray())];

    [Fact]
    public void Losses_of_endings_are_those_of_a_plain_evaluation_one_at_a_time()
    {
        using var small = new SmallModel(tokenizer.VocabSize, 48);
        var tasks = HellaSwag.Load(Items(), tokenizer);
        double[][] expected = OneByOne(tasks, small);
        var results = tasks.Score(small.Model, small.Tape, new HashSet<int>(), stop: TestContext.Current.CancellationToken).ToDictionary(r => r.Row);
        Assert.Equal(5, results.Count);
        for (int row = 0; row < 5; row++)
            for (int e = 0; e < 4; e++)
            {
                Assert.Equal(expected[row][e], results[row].Sums[e], 1e-4);
                Assert.Equal(expected[row][e] / tasks.Items[row].Endings[e].Length, results[row].Means[e], 1e-4);
            }
        Assert.True(results.Values.Select(r => r.Sums[0]).Distinct().Count() == 5);
    }

    [Fact]
    public void The_official_lines_load_and_score()
    {
        using var small = new SmallModel(tokenizer.VocabSize, 400);
        var tasks = HellaSwag.Load(TorchReference.Find("../hellaswag_val_first10.jsonl"), tokenizer);
        Assert.Equal([3, 3, 2], tasks.Items.Take(3).Select(item => item.Label));
        Assert.Equal(" is ripping level tiles off.", tokenizer.Decode(tasks.Items[0].Endings[1]));
        Assert.Equal("A man is sitting on a roof. he", tokenizer.Decode(tasks.Items[0].Context));
        double[][] expected = OneByOne(tasks, small);
        foreach (var result in tasks.Score(small.Model, small.Tape, new HashSet<int>(), stop: TestContext.Current.CancellationToken))
            for (int e = 0; e < 4; e++) Assert.Equal(expected[result.Row][e] / tasks.Items[result.Row].Endings[e].Length, result.Means[e], 1e-4);
        var compressed = HellaSwag.Load(TorchReference.Find("../hellaswag_val_text.jsonl.gz"), tokenizer, limit: 10);
        for (int row = 0; row < 3; row++) Assert.Equal(tasks.Items[row].Endings[2], compressed.Items[row].Endings[2]);
    }

    /// <summary>All items in the official form: its ten fields, labels as numbers or as texts, lines that are empty, a byte order mark, an item like those of the test split.</summary>
    [Fact]
    public void All_items_are_read_in_the_official_form_and_as_text()
    {
        string text = TorchReference.Find("../hellaswag_val_text.jsonl.gz");
        var expected = HellaSwag.Load(text, BpeTokenizer.Gpt2);
        Assert.Equal(10_042, expected.Items.Count);
        string path = Path.Combine(folder.Path, "hellaswag_val.jsonl");
        using (var packed = new System.IO.Compression.GZipStream(File.OpenRead(text), System.IO.Compression.CompressionMode.Decompress))
        using (var lines = new StreamReader(packed))
        using (var official = new StreamWriter(path, append: false, new System.Text.UTF8Encoding(encoderShouldEmitUTF8Identifier: true)))
        {
            for (int row = 0; lines.ReadLine() is { } line; row++)
            {
                var item = JsonDocument.Parse(line).RootElement;
                string context = item.GetProperty("ctx").GetString()!;
                int label = item.GetProperty("label").GetInt32(), cut = context.LastIndexOf(' ');
                official.WriteLine(JsonSerializer.Serialize(new
                {
                    ind = row, activity_label = item.GetProperty("activity_label").GetString(), ctx_a = cut < 0 ? context : context[..cut], ctx_b = cut < 0 ? "" : context[(cut + 1)..], ctx = context,
                    split = "val", split_type = row % 2 == 0 ? "indomain" : "zeroshot", label = row % 3 == 0 ? (object)$"{label}" : label, endings = item.GetProperty("endings"), source_id = $"wikihow~{row}",
                }));
                if (row % 1000 == 0) official.WriteLine();
            }
        }
        var items = HellaSwag.Load(path, BpeTokenizer.Gpt2).Items;
        Assert.Equal(expected.Items.Select(item => (item.Row, item.Label, item.Context.Length, item.Endings.Sum(ending => ending.Length))), items.Select(item => (item.Row, item.Label, item.Context.Length, item.Endings.Sum(ending => ending.Length))));
        Assert.Equal([1, 3, 4], items.Take(3).Select(item => item.Line));
        Assert.Equal(10_042 + 11, items[^1].Line);
    }

    /// <summary>The cleaned text of the file with all items is that of the official one where there is nothing to clean.</summary>
    [Fact]
    public void Items_in_GPT2s_tokens_score_as_one_at_a_time_in_the_official_form_and_as_text()
    {
        var gpt2 = BpeTokenizer.Gpt2;
        using var small = new SmallModel(gpt2.VocabSize, 1024);
        string official = TorchReference.Find("../hellaswag_val_first10.jsonl"), text = TorchReference.Find("../hellaswag_val_text.jsonl.gz");
        var tasks = HellaSwag.Load(official, gpt2);
        Assert.Equal(10, tasks.Items.Count);
        Assert.Equal(tasks.Items.Select(item => (item.Label, gpt2.Decode(item.Context), gpt2.Decode(item.Endings[3]))), HellaSwag.Load(text, gpt2, limit: 10).Items.Select(item => (item.Label, gpt2.Decode(item.Context), gpt2.Decode(item.Endings[3]))));
        CheckAgainstOneByOne(tasks, small);
        CheckAgainstOneByOne(HellaSwag.Load(text, gpt2, limit: 60), small);
    }

    static void CheckAgainstOneByOne(HellaSwag tasks, SmallModel small)
    {
        double[][] expected = OneByOne(tasks, small);
        var results = tasks.Score(small.Model, small.Tape, new HashSet<int>(), stop: TestContext.Current.CancellationToken).ToList();
        Assert.Equal(Enumerable.Range(0, tasks.Items.Count), results.Select(result => result.Row).Order());
        foreach (var result in results)
            for (int e = 0; e < 4; e++)
            {
                Assert.Equal(1, result.Sums[e] / expected[result.Row][e], 1e-5);
                Assert.Equal(1, result.Means[e] / (expected[result.Row][e] / tasks.Items[result.Row].Endings[e].Length), 1e-5);
            }
        // What is left out of a second go is what the first has.
        var half = results.Take(results.Count / 2).Select(result => result.Row).ToHashSet();
        foreach (var result in tasks.Score(small.Model, small.Tape, half, stop: TestContext.Current.CancellationToken))
        {
            Assert.DoesNotContain(result.Row, half);
            Assert.Equal(1, result.Sums[0] / expected[result.Row][0], 1e-5);
        }
    }

    [Fact]
    public void The_choice_is_the_smallest_sum_or_mean()
    {
        var result = new HellaSwagResult(0, 2, [5, 4, 6, 9], [1, 2, 0.5, 3]);
        Assert.False(result.Right);
        Assert.True(result.RightPerToken);
    }

    [Fact]
    public void A_log_that_was_broken_off_is_gone_on_with()
    {
        using var small = new SmallModel(tokenizer.VocabSize, 48);
        var tasks = HellaSwag.Load(Items(), tokenizer);
        string path = Path.Combine(folder.Path, "log.jsonl");
        using (var log = new HellaSwagLog(path, "a model")) foreach (var result in tasks.Score(small.Model, small.Tape, new HashSet<int>(), stop: TestContext.Current.CancellationToken).Take(3)) log.Append(result);
        File.AppendAllText(path, "{\"row\":4,\"lab");
        using (var log = new HellaSwagLog(path, "a model"))
        {
            Assert.Equal(3, log.Results.Count);
            foreach (var result in tasks.Score(small.Model, small.Tape, log.Results.Select(r => r.Row).ToHashSet(), stop: TestContext.Current.CancellationToken)) log.Append(result);
        }
        var whole = new HellaSwagLog(path, "a model");
        var expected = tasks.Score(small.Model, small.Tape, new HashSet<int>(), stop: TestContext.Current.CancellationToken).OrderBy(r => r.Row).ToList();
        var actual = whole.Results.OrderBy(r => r.Row).ToList();
        Assert.Equal(5, actual.Count);
        for (int i = 0; i < 5; i++) Assert.Equal(expected[i].Sums, actual[i].Sums);
        string copy = Path.Combine(folder.Path, "copy.jsonl");
        whole.Dispose();
        File.Copy(path, copy);
        Assert.Contains("'another model'", Assert.Throws<InvalidDataException>(() => new HellaSwagLog(copy, "another model")).Message);
        Assert.Contains("something else", Assert.Throws<InvalidDataException>(() => new HellaSwagLog(Write("other.txt", "my diary"), "a model")).Message);
    }

    [Theory]
    [InlineData("{", "line 1 is not")]
    [InlineData("{\"ind\":1,\"ctx\":\"a\",\"endings\":[\"a\",\"b\",\"c\",\"d\"]}", "line 1 is not")]
    [InlineData("{\"ctx\":\"a\",\"label\":\"\",\"endings\":[\"a\",\"b\",\"c\",\"d\"]}", "line 1 is not")]
    [InlineData("{\"ctx\":\"a\",\"label\":1.5,\"endings\":[\"a\",\"b\",\"c\",\"d\"]}", "line 1 is not")]
    [InlineData("{\"ctx\":\"a\",\"label\":\"4\",\"endings\":[\"a\",\"b\",\"c\",\"d\"]}", "label is 4")]
    [InlineData("{\"ctx\":\"a\",\"label\":1,\"endings\":\"a\"}", "line 1 is not")]
    [InlineData("{\"ctx\":\"a\",\"label\":1,\"endings\":[\"a\",\"b\",\"c\",7]}", "line 1 is not")]
    [InlineData("\n\n  \n{\"ctx\":\"a\",\"label\":-1,\"endings\":[\"a\",\"b\",\"c\",\"d\"]}", "line 4 is not")]
    [InlineData("{\"ctx\":\"a\",\"label\":0,\"endings\":[\"a\"]}", "1 endings")]
    [InlineData("{\"ctx\":\"a\",\"label\":4,\"endings\":[\"a\",\"b\",\"c\",\"d\"]}", "label is 4")]
    [InlineData("{\"ctx\":\"\",\"label\":1,\"endings\":[\"a\",\"b\",\"c\",\"d\"]}", "ctx is empty")]
    [InlineData("{\"ctx\":null,\"label\":1,\"endings\":[\"a\",\"b\",\"c\",\"d\"]}", "line 1 is not")]
    [InlineData("[]", "line 1 is not")]
    [InlineData("", "has no items")]
    public void A_bad_file_is_one_sentence(string line, string expected) =>
        Assert.Contains(expected, Assert.Throws<InvalidDataException>(() => HellaSwag.Load(Write("bad.jsonl", line), tokenizer)).Message);

    [Fact]
    public void A_file_that_cannot_be_unpacked_or_is_no_text_is_one_sentence()
    {
        string path = Path.Combine(folder.Path, "bad.jsonl.gz");
        File.WriteAllText(path, Line("a", 0, "a", "b", "c", "d"));
        Assert.Contains("bad.jsonl.gz' is no whole gzip file", Assert.Throws<InvalidDataException>(() => HellaSwag.Load(path, tokenizer)).Message);
        byte[] good = File.ReadAllBytes(TorchReference.Find("../hellaswag_val_text.jsonl.gz"));
        good[20_000] ^= 0x55;
        File.WriteAllBytes(path, good);
        Assert.Matches(@"bad\.jsonl\.gz' (is no whole gzip file: .*at line \d+|is not UTF-8 at about line \d+|line \d+ is not a HellaSwag item)", Assert.Throws<InvalidDataException>(() => HellaSwag.Load(path, BpeTokenizer.Gpt2)).Message);
        string text = Path.Combine(folder.Path, "latin1.jsonl");
        File.WriteAllBytes(text, [.. "{\"ctx\":\"caf"u8, 0xE9, .. "\",\"label\":0,\"endings\":[\"a\",\"b\",\"c\",\"d\"]}\n"u8]);
        Assert.Contains("latin1.jsonl' is not UTF-8 at about line 1", Assert.Throws<InvalidDataException>(() => HellaSwag.Load(text, tokenizer)).Message);
    }

    [Fact]
    public void An_ending_that_is_longer_than_the_context_is_refused()
    {
        using var small = new SmallModel(tokenizer.VocabSize, 8);
        var tasks = HellaSwag.Load(Write("long.jsonl", Line("a", 0, "a", "b", "c", "longer than eight")), tokenizer);
        Assert.Contains("larger model", Assert.Throws<InvalidDataException>(() => tasks.Score(small.Model, small.Tape, new HashSet<int>(), stop: TestContext.Current.CancellationToken).ToList()).Message);
    }
}
