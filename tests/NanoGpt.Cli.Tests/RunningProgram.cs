using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace NanoGpt.Cli.Tests;

/// <summary>What a finished process left.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">Its stdout.</param>
/// <param name="Error">Its stderr.</param>
sealed record Outcome(int ExitCode, string Output, string Error)
{
    /// <summary>The outcome, if it is a success.</summary>
    public Outcome Succeeded()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}\n{Output}\n{Error}");
        return this;
    }

    /// <summary>The one line on stderr, if it is a clean failure: an exit code, one sentence, no stack trace.</summary>
    public string Fault(int exitCode)
    {
        Assert.True(exitCode == ExitCode, $"exit code {ExitCode}, not {exitCode}\n{Output}\n{Error}");
        string line = Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)).TrimEnd('\r');
        Assert.StartsWith("error: ", line);
        Assert.DoesNotContain("   at ", Error);
        Assert.DoesNotContain("should not happen", line);
        return line;
    }
}

/// <summary>The program under test, as its users start it: a process of its own.</summary>
sealed partial class RunningProgram : IDisposable
{
    static readonly string dll = Path.Combine(AppContext.BaseDirectory, "nanogpt.dll");

    readonly Process process;
    readonly StringBuilder output = new(), error = new();

    public RunningProgram(string folder, IReadOnlyList<string> arguments, byte[]? input = null, IReadOnlyDictionary<string, string>? environment = null)
        : this([.. Program, .. arguments], folder, input, environment) { }

    /// <summary>Any program, a launcher for example, with its arguments.</summary>
    public RunningProgram(string[] line, string folder, byte[]? input = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(line[0], line.Skip(1))
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        start.Environment.Remove("NANOGPT_DEBUG");
        start.Environment.Remove("NANOGPT_DATASETS");
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Append(output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(error, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using Stream stdin = process.StandardInput.BaseStream;
        if (input is not null) stdin.Write(input);
    }

    static void Append(StringBuilder text, string? line)
    {
        if (line is null) return;
        lock (text)
        {
            text.Append(line).Append('\n');
            Monitor.PulseAll(text);
        }
    }

    /// <summary>What starts the program itself.</summary>
    public static IReadOnlyList<string> Program { get; } = [Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", "exec", dll];

    /// <summary>The number of the process.</summary>
    public int Id => process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => process.HasExited;

    /// <summary>Waits until stdout has a text; returns false where the process ends without it.</summary>
    public bool WaitFor(string text)
    {
        var clock = Stopwatch.StartNew();
        lock (output)
        {
            while (!output.ToString().Contains(text, StringComparison.Ordinal))
            {
                if (process.HasExited) return false;
                Assert.True(clock.Elapsed < TimeSpan.FromMinutes(2), $"'{text}' never came:\n{output}\n{error}");
                Monitor.Wait(output, 20);
            }
        }
        return true;
    }

    /// <summary>SIGKILL, or what is like it.</summary>
    public void Kill() => process.Kill();

    /// <summary>Sends a signal.</summary>
    public void Signal(PosixSignal signal) => Assert.Equal(0, SendSignal(process.Id, signal == PosixSignal.SIGINT ? 2 : 15));

    /// <summary>Waits for its end.</summary>
    public Outcome Wait()
    {
        if (!process.WaitForExit(TimeSpan.FromMinutes(15)))
        {
            process.Kill();
            Assert.Fail($"the process did not end:\n{output}\n{error}");
        }
        process.WaitForExit();
        return new Outcome(process.ExitCode, output.ToString(), error.ToString());
    }

    public void Dispose()
    {
        if (!process.HasExited) process.Kill();
        process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int pid, int signal);
}
