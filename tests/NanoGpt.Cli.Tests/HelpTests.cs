using NanoGpt.Training;

namespace NanoGpt.Cli.Tests;

public class HelpTests
{
    [Theory]
    [InlineData("prepare")]
    [InlineData("train")]
    [InlineData("sample")]
    [InlineData("eval")]
    [InlineData("export")]
    [InlineData("compare")]
    [InlineData("bench")]
    [InlineData("doctor")]
    public void Every_command_explains_itself_with_examples(string command)
    {
        using var work = new Workplace();
        string output = work.Run(command, "--help").Succeeded().Output;
        Assert.Contains("Usage:", output);
        Assert.Contains("Examples:", output);
        Assert.Contains($"nanogpt {command} ", output[output.IndexOf("Examples:", StringComparison.Ordinal)..]);
    }

    [Fact]
    public void The_help_of_train_lists_every_key_with_its_default_and_the_exit_codes()
    {
        using var work = new Workplace();
        string output = work.Run("train", "--help").Succeeded().Output;
        Assert.All(ConfigKey.All, key => Assert.Contains($"--{key.Name}={key.Format(new TrainConfig())}", output));
        Assert.Contains("  3    stopped", output);
    }

    [Fact]
    public void Nothing_typed_shows_where_to_begin()
    {
        using var work = new Workplace();
        Assert.Contains("train configs/quickstart.json", work.Run().Succeeded().Output);
        Assert.Matches(@"^\d+\.\d+\.\d+\n$", work.Run("--version").Succeeded().Output);
    }

    [Fact]
    public void A_misspelt_command_is_answered_with_the_nearest()
    {
        using var work = new Workplace();
        Assert.Contains("did you mean 'train'", work.Run("tran", "configs/quickstart.json").Fault(2));
    }
}
