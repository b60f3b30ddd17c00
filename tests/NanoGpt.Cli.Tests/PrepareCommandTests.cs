namespace NanoGpt.Cli.Tests;

public class PrepareCommandTests
{
    [Fact]
    public void Tiny_Shakespeare_is_prepared_as_nanoGPT_prepares_it()
    {
        string input = Repository.SharedData("tinyshakespeare.txt");
        using var work = new Workplace();
        string output = work.Run("prepare", "shakespeare_char", "--input", input).Succeeded().Output;
        Assert.Contains("characters    1,115,394", output);
        Assert.Contains("vocabulary    65", output);
        Assert.Contains("train tokens  1,003,854", output);
        Assert.Contains("val tokens    111,540", output);
        Assert.Contains(Path.Combine("data", "shakespeare_char"), output);
        Assert.Contains("train configs/quickstart.json --dataset=shakespeare_char", output);
        Assert.Equal(2 * 1_003_854, new FileInfo(work[Path.Combine("data", "shakespeare_char", "train.bin")]).Length);
    }

    [Fact]
    public void Several_files_and_another_place_can_be_named()
    {
        using var work = new Workplace();
        work.Write("a.txt", new string('a', 500) + "\n");
        work.Write("b.txt", new string('b', 500) + "\n");
        string output = work.Run("prepare", "text_char", "--input", "a.txt", "b.txt", "--out", "elsewhere").Succeeded().Output;
        Assert.Contains("vocabulary    3", output);
        Assert.Contains("--data_dir=elsewhere", output);
        Assert.True(File.Exists(work[Path.Combine("elsewhere", "meta.json")]));
    }

    [Fact]
    public void Without_a_name_the_data_sets_are_listed()
    {
        using var work = new Workplace();
        string output = work.Run("prepare").Succeeded().Output;
        foreach (string name in (string[])["dotnet_docs_char", "shakespeare_char", "text_char"]) Assert.Contains(name, output);
    }

    [Theory]
    [InlineData("did you mean 'shakespeare_char'", "prepare", "shakespeare_chat")]
    [InlineData("--input", "prepare", "text_char")]
    [InlineData("missing.txt", "prepare", "text_char", "--input", "missing.txt")]
    [InlineData("text_char does not take --val_fraction; it takes --input, --out", "prepare", "text_char", "--val_fraction=0.5")]
    [InlineData("jsonl does not take --files", "prepare", "jsonl", "--files=2")]
    [InlineData("needs one of its commands: ", "data")]
    [InlineData("'nanogpt compare' needs RUN: ", "compare")]
    [InlineData("did you mean 'text'", "prepare", "txet")]
    [InlineData("did you mean '--input'", "prepare", "text_char", "--inptu=x")]
    public void A_bad_request_is_one_sentence(string expected, params string[] arguments)
    {
        using var work = new Workplace();
        var outcome = work.Run(arguments);
        Assert.Contains(expected, outcome.Fault(outcome.ExitCode));
        Assert.NotEqual(0, outcome.ExitCode);
        Assert.False(Directory.Exists(work["data"]) && Directory.EnumerateFiles(work["data"], "*", SearchOption.AllDirectories).Any());
    }

    [Fact]
    public void A_file_where_a_folder_should_be_is_named_before_any_work()
    {
        using var work = new Workplace();
        work.Write("file", "text\n");
        Assert.Contains("file' is a file; name a folder", work.Run("prepare", "text_char", "--input", "file", "--out", Path.Combine("file", "x")).Fault(1));
        var outcome = work.Run("tokenizer", "train", "--input", "file", "--out", "file");
        Assert.Contains("'file' is a file; name a folder", outcome.Fault(1));
        Assert.Equal("", outcome.Output);
    }

    [Fact]
    public void Shakespeare_is_cut_between_characters()
    {
        using var work = new Workplace();
        work.Write("emoji.txt", string.Concat(Enumerable.Repeat("😀", 15)) + "\n");
        work.Run("prepare", "shakespeare", "--input", "emoji.txt").Succeeded();
        Assert.DoesNotContain('\uFFFD', work.Run("data", "info", Path.Combine("data", "shakespeare")).Succeeded().Output);
        Assert.Equal("😀", NanoGpt.Data.BpeTokenizer.Gpt2.Decode(Tokens(work[Path.Combine("data", "shakespeare", "val.bin")])).Trim());

        static int[] Tokens(string path) => [.. System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(File.ReadAllBytes(path)).ToArray().Select(id => (int)id)];
    }

    [Fact]
    public void An_empty_file_is_refused_by_name()
    {
        using var work = new Workplace();
        work.Write("empty.txt", "");
        Assert.Contains("empty.txt", work.Run("prepare", "text_char", "--input", "empty.txt").Fault(1));
    }

    [Fact]
    public void A_full_disk_is_one_sentence_and_the_command_goes_on_when_there_is_room()
    {
        using var work = new Workplace();
        // The estimate sees the first four megabytes only, whose words are a token each; behind them each character is.
        string[] words = [.. Enumerable.Repeat($"{{\"text\": \"{string.Concat(Enumerable.Repeat(" international", 1000))}\"}}", 400)];
        string[] signs = [.. Enumerable.Range(0, 400).Select(i => $"{{\"text\": \"{i} {string.Concat(Enumerable.Repeat("q7", 4000))}\"}}")];
        work.Write("text.jsonl", string.Join('\n', [.. words, .. signs]));
        string[] prepare = ["prepare", "jsonl", "--input", "text.jsonl", "--shard_tokens=300000", "--val_docs=2", "--threads=2"];
        work.Run([.. prepare, "--out=elsewhere"]).Succeeded();

        using var small = new SmallFileSystem(work["small"], megabytes: 3);
        Assert.Contains("the disk of 'small/data' is full; make room", work.Run([.. prepare, "--out=small/data"]).Fault(1));
        Assert.False(File.Exists(work["small/data/meta.json"]));
        Assert.DoesNotContain(Directory.EnumerateFiles(work["small/data/unfinished"]), file => file.EndsWith(".tmp", StringComparison.Ordinal));
        small.Resize(megabytes: 30);
        Assert.Contains("went on after the", work.Run([.. prepare, "--out=small/data"]).Succeeded().Output);
        foreach (string file in Directory.GetFiles(work["elsewhere"])) Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(work[Path.Combine("small", "data", Path.GetFileName(file))]));
    }

    [Fact]
    public void A_disk_that_is_too_small_is_known_before()
    {
        using var work = new Workplace();
        work.Write("text.jsonl", string.Join('\n', Enumerable.Range(0, 400).Select(i => $"{{\"text\": \"{i} {string.Concat(Enumerable.Repeat("q7", 4000))}\"}}")));
        using var small = new SmallFileSystem(work["small"], megabytes: 1);
        string fault = work.Run("prepare", "jsonl", "--input", "text.jsonl", "--out=small/data").Fault(1);
        Assert.Contains("but only 1.0 MB are free; make room", fault);
        Assert.False(Directory.Exists(work["small/data"]));
    }
}
