using System.Text.RegularExpressions;

namespace NanoGpt.Cli.Tests;

/// <summary>What the README tells its readers to type works, in the order in which it is written.</summary>
public partial class ReadmeTests
{
    /// <summary>Makes a command quick, without changing what it does.</summary>
    static readonly Dictionary<string, string[]> quick = new()
    {
        ["train"] = ["--max_iters=3", "--warmup_iters=1", "--lr_decay_iters=3", "--eval_iters=1", "--log_interval=1", "--sample_tokens=5", "--threads=1",
            "--n_layer=1", "--n_head=2", "--n_embd=16", "--block_size=16", "--batch_size=2"],
        ["sample"] = ["--num_samples=1", "--max_new_tokens=5", "--threads=1"],
        ["bench"] = ["--steps=2", "--threads=1", "--n_layer=1", "--n_head=1", "--n_embd=16", "--block_size=16", "--batch_size=1"],
        ["prepare"] = [],
    };

    [Fact]
    public void Its_commands_run_as_they_are_written()
    {
        using var work = new Workplace();
        foreach (string config in Directory.EnumerateFiles(Path.Combine(Repository.Root, "configs"), "*.json")) work.Write(Path.Combine("configs", Path.GetFileName(config)), File.ReadAllText(config));
        work.Write("my-text.txt", string.Concat(Enumerable.Range(0, 500).Select(i => $"Line {i} of my own text. It begins: Returns the number.\n")));
        work.Write("prompt.txt", "Returns the ");
        File.Copy(Repository.SharedData("tinyshakespeare.txt"), work["tinyshakespeare.txt"]);

        string[] commands = [.. ShellBlock().Matches(File.ReadAllText(Path.Combine(Repository.Root, "README.md")))
            .SelectMany(block => block.Groups[1].Value.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n'))
            .Select(line => Program().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value)];
        Assert.True(commands.Length >= 8, $"only {commands.Length} commands were found");
        foreach (string command in commands)
        {
            string[] words = [.. Word().Matches(command).Select(word => word.Value.Replace("\"", "", StringComparison.Ordinal))];
            var outcome = work.Run([.. words, .. words.Contains("--help") ? [] : quick[words[0]]]);
            Assert.True(outcome.ExitCode == 0, $"{command}\n{outcome.Output}\n{outcome.Error}");
        }
    }

    [GeneratedRegex(@"^```sh\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex ShellBlock();

    /// <summary>The thin script, or the long way to the same; comments are not part of a command.</summary>
    [GeneratedRegex(@"^(?:\./nanogpt|dotnet run -c Release --project src/NanoGpt\.Cli --) ([^#]*?)\s*(?:#.*)?$")]
    private static partial Regex Program();

    [GeneratedRegex("""(?:[^\s"]|"[^"]*")+""")]
    private static partial Regex Word();
}
