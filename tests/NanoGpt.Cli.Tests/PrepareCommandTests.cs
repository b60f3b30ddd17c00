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
    public void An_empty_file_is_refused_by_name()
    {
        using var work = new Workplace();
        work.Write("empty.txt", "");
        Assert.Contains("empty.txt", work.Run("prepare", "text_char", "--input", "empty.txt").Fault(1));
    }
}
