namespace NanoGpt.Cli.Tests;

/// <summary>A trained model, made once for all tests of sampling.</summary>
public sealed class TrainedWorkplace : IDisposable
{
    internal Workplace Work { get; } = Workplace.WithData();

    public TrainedWorkplace() => Work.Train("out", "--max_iters=200", "--lr_decay_iters=200", "--eval_interval=100", "--log_interval=100").Succeeded();

    public void Dispose() => Work.Dispose();
}

public class SampleCommandTests(TrainedWorkplace trained) : IClassFixture<TrainedWorkplace>
{
    readonly Workplace work = trained.Work;

    string Sample(params IReadOnlyList<string> more) => work.Run(["sample", "--out_dir=out", "--threads=1", "--max_new_tokens=60", "--num_samples=1", .. more]).Succeeded().Output;

    [Fact]
    public void Samples_are_separated_as_nanoGPT_separates_them()
    {
        string output = Sample("--num_samples=3", "--start=12");
        string[] samples = output.Split("\n---------------\n");
        Assert.Equal(4, samples.Length);
        Assert.Equal("", samples[3]);
        Assert.All(samples[..3], sample => Assert.Equal(62, sample.Length));
        Assert.All(samples[..3], sample => Assert.StartsWith("12", sample));
        Assert.Equal(3, samples[..3].Distinct().Count());
    }

    [Fact]
    public void Equal_seeds_give_equal_text_and_others_other_text()
    {
        Assert.Equal(Sample("--seed=5"), Sample("--seed=5"));
        Assert.NotEqual(Sample("--seed=5"), Sample("--seed", "6"));
        Assert.Equal(Sample("--temperature=0", "--seed=5"), Sample("--top_k=1", "--seed=6"));
    }

    [Fact]
    public void A_prompt_can_come_from_a_file()
    {
        work.Write("prompt.txt", "7 and 49 make ");
        Assert.StartsWith("7 and 49 make ", Sample("--start=FILE:prompt.txt"));
        Assert.Equal(Sample("--start=FILE:prompt.txt"), Sample("--start='7 and 49 make '"));
    }

    [Fact]
    public void A_prompt_from_Windows_has_its_line_ends_as_the_training_data()
    {
        work.Write("windows.txt", "7 and\r\n49\r");
        Assert.StartsWith("7 and\n49\n", Sample("--start=FILE:windows.txt"));
    }

    [Fact]
    public void A_stop_text_may_have_line_ends_and_begin_with_a_quote()
    {
        Assert.Equal("1", Sample("--start=1", "--stop=\\n", "--max_new_tokens=200").Split('\n')[0][..1]);
        Assert.DoesNotContain('\n', Sample("--start=1", "--stop=\\n", "--max_new_tokens=200").Split("\n---------------\n")[0]);
        Assert.Equal(Sample("--start=1"), Sample("--start=1", "--stop=\""));
    }

    [Fact]
    public void A_sample_ends_before_a_stop_text_of_several_tokens()
    {
        string whole = Sample("--start=1", "--max_new_tokens=200", "--temperature=0.5");
        int at = whole.IndexOf(" make ", StringComparison.Ordinal);
        Assert.True(at > 0, whole);
        Assert.Equal(whole[..at] + "\n---------------\n", Sample("--start=1", "--max_new_tokens=200", "--temperature=0.5", "--stop=never that", "--stop= make "));
    }

    [Fact]
    public void The_folder_of_a_run_can_be_taken_elsewhere()
    {
        using var elsewhere = new Workplace();
        foreach (string file in Directory.EnumerateFiles(work["out"], "*", SearchOption.AllDirectories))
        {
            string copy = elsewhere[Path.GetRelativePath(work["out"], file)];
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        Assert.Equal(Sample("--start=3"), elsewhere.Run("sample", "--out_dir=.", "--threads=1", "--max_new_tokens=60", "--num_samples=1", "--start=3").Succeeded().Output);
    }

    [Fact]
    public void Keys_of_nanoGPT_that_do_nothing_are_accepted_with_a_note()
    {
        var outcome = work.Run("sample", "--init_from=resume", "--out_dir=out", "--num_samples=1", "--max_new_tokens=3", "--device=cpu", "--compile=True");
        Assert.Equal("note: device, compile ignored; sampling runs on the CPU.", outcome.Succeeded().Error.Trim());
    }

    [Fact]
    public void Another_tokenizer_is_refused_and_both_are_named()
    {
        work.Write("other.txt", new string('x', 100) + "yz");
        work.Run("prepare", "text_char", "--input", "other.txt", "--out", "other").Succeeded();
        string fault = work.Run("sample", "--out_dir=out", "--data_dir=other").Fault(1);
        Assert.Contains("was trained on 'text_char char:", fault);
        Assert.Contains(Path.Combine("other", "meta.json"), fault);
    }

    [Theory]
    [InlineData(1, "There is no trained model in 'nowhere'", "--out_dir=nowhere")]
    [InlineData(1, "nothing.txt", "--out_dir=out", "--start=FILE:nothing.txt")]
    [InlineData(2, "as in --start=FILE:prompt.txt", "--out_dir=out", "--start=FILE:")]
    [InlineData(2, "'--start' needs a value: --start=", "--out_dir=out", "--start=")]
    [InlineData(2, "give 'resume', one of", "--init_from=nope")]
    [InlineData(1, "text.txt", "--init_from=text.txt")]
    [InlineData(2, "'é' (U+00E9)", "--out_dir=out", "--start=é")]
    [InlineData(2, "top_p is 2", "--out_dir=out", "--top_p=2")]
    [InlineData(2, "--num_samples", "--out_dir=out", "--num_samples=0")]
    [InlineData(2, "--temperature", "--out_dir=out", "--temperature=warm")]
    [InlineData(2, "did you mean '--top_k'", "--out_dir=out", "--topk=3")]
    [InlineData(2, "one of gpt2, gpt2-medium", "--init_from=scratch")]
    [InlineData(1, "there is no checkpoint of this name", "--out_dir=out", "--checkpoint=step-00000007")]
    public void A_bad_request_is_one_sentence(int exitCode, string expected, params string[] arguments) =>
        Assert.Contains(expected, work.Run(["sample", .. arguments]).Fault(exitCode));
}
