using System.Diagnostics;

namespace NanoGpt.Cli.Tests;

/// <summary>What a terminal shows: the program runs under script(1), which gives it one.</summary>
public class LiveViewTests
{
    [Theory]
    [InlineData("xterm-256color", "120", true)]
    [InlineData("xterm-256color", "34", true)]
    [InlineData("dumb", "120", false)]
    public void A_terminal_that_can_be_drawn_on_shows_a_live_view_others_plain_lines(string term, string columns, bool live)
    {
        using var work = Workplace.WithData();
        string output = InTerminal(work, term, columns, colors: true);
        Assert.Contains("step 40: train loss", output);
        Assert.Contains("done        41 iterations", output);
        Assert.Equal(live, output.Contains("iter 40/40", StringComparison.Ordinal));
        Assert.Equal(live, output.Contains("tok/s", StringComparison.Ordinal) && output.Contains('\e'));
        Assert.Equal(!live, output.Contains("mfu", StringComparison.Ordinal));
    }

    [Fact]
    public void NO_COLOR_is_respected()
    {
        using var work = Workplace.WithData();
        Assert.Contains("\e[32m", InTerminal(work, "xterm", "100", colors: true).Replace("\e[38;5;2m", "\e[32m", StringComparison.Ordinal));
        string plain = InTerminal(work, "xterm", "100", colors: false);
        Assert.Contains("iter 40/40", plain);
        Assert.DoesNotMatch(@"\e\[(3[1-7]|38|9[0-7])[;m]", plain);
    }

    static string InTerminal(Workplace work, string term, string columns, bool colors)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/script"), "script(1), which makes a terminal, is not here.");
        string arguments = string.Join(' ', ["train", .. Workplace.Tiny, "--out_dir=out"]);
        string dll = Path.Combine(AppContext.BaseDirectory, "nanogpt.dll");
        var start = new ProcessStartInfo("/usr/bin/script", ["-qec", $"stty cols {columns} rows 40; exec dotnet exec '{dll}' {arguments}", "/dev/null"])
        {
            WorkingDirectory = work.Root,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        start.Environment["TERM"] = term;
        foreach (string name in (string[])["NO_COLOR", "CI", "GITHUB_ACTIONS"]) start.Environment.Remove(name);
        if (!colors) start.Environment["NO_COLOR"] = "1";
        using var process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }
}
