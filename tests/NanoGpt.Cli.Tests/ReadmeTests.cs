using System.Diagnostics;
using System.Text.RegularExpressions;

namespace NanoGpt.Cli.Tests;

/// <summary>
/// What the README and the pages in docs tell their readers to type works, in the order in which it is written: the blocks marked
/// <c>sh</c> are run as one script by a real shell. A block that needs the network or hours is marked <c>bash</c>, and not run.
/// </summary>
public partial class ReadmeTests
{
    /// <summary>Makes a command quick, without changing what it does: for each the options that are added.</summary>
    static readonly Dictionary<string, string> quick = new()
    {
        ["train"] = "--max_iters=3 --warmup_iters=1 --lr_decay_iters=3 --eval_iters=1 --log_interval=1 --sample_tokens=5 --threads=1 " +
            "--n_layer=1 --n_head=2 --n_embd=16 --block_size=64 --batch_size=2",
        ["sample"] = "--num_samples=1 --max_new_tokens=5 --threads=1",
        ["bench"] = "--steps=2 --threads=1 --n_layer=1 --n_head=1 --n_embd=16 --block_size=64 --batch_size=1",
    };

    public static TheoryData<string> Pages => ["README.md", .. Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md")
        .Where(file => ShellBlock().IsMatch(File.ReadAllText(file))).Select(file => $"docs/{Path.GetFileName(file)}").Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Its_commands_run_as_they_are_written(string page)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The commands are written for a shell.");
        string text = File.ReadAllText(Path.Combine(Repository.Root, page));
        using var work = new Workplace();
        WriteWhatAReaderHas(work);
        string script = string.Concat(ShellBlock().Matches(text).Select(block => block.Groups[1].Value))
            .Replace("dotnet run -c Release --project src/NanoGpt.Cli -- ", "./nanogpt ", StringComparison.Ordinal).Replace("dotnet test -c Release", ":", StringComparison.Ordinal);
        Assert.Contains("./nanogpt ", script);
        if (page != "README.md" && script.Contains("out-quickstart", StringComparison.Ordinal)) script = $"./nanogpt train configs/quickstart.json\n{script}";      // the README's first command
        work.Write("page.sh", $"exec 2>&1\nset -ev -o pipefail\n{script}");
        var start = new ProcessStartInfo("bash", ["page.sh"]) { WorkingDirectory = work.Root, RedirectStandardOutput = true };
        using var shell = Process.Start(start)!;
        string output = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        Assert.True(shell.ExitCode == 0, $"{page}: exit code {shell.ExitCode}\n{output}");
    }

    [Fact]
    public void Every_page_is_linked_from_the_README()
    {
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        Assert.All(Pages.Select(page => page.Data).Where(page => page != "README.md"), page => Assert.Contains($"({page})", readme));
    }

    /// <summary>The program, the presets, and files of one's own.</summary>
    static void WriteWhatAReaderHas(Workplace work)
    {
        string options = string.Concat(quick.Select(command => $"  {command.Key}) set -- \"$@\" {command.Value} ;;\n"));
        string dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        work.Write("nanogpt", $"#!/bin/sh\ncase \"$1\" in\n{options}esac\nexec '{dotnet}' exec '{Path.Combine(AppContext.BaseDirectory, "nanogpt.dll")}' \"$@\"\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(work["nanogpt"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (string config in Directory.EnumerateFiles(Path.Combine(Repository.Root, "configs"), "*.json")) work.Write(Path.Combine("configs", Path.GetFileName(config)), File.ReadAllText(config));
        work.Write("my-text.txt", string.Concat(Enumerable.Range(0, 500).Select(i => $"Line {i} of my own text. It begins: Returns the number.\n")));
        work.Write("prompt.txt", "Returns the ");
        work.Write(Path.Combine("notes", "one.txt"), File.ReadAllText(work["my-text.txt"]));
        File.Copy(Repository.SharedData("tinyshakespeare.txt"), work["tinyshakespeare.txt"]);
    }

    [GeneratedRegex(@"^```sh\r?\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex ShellBlock();
}
