using System.Text.Json;

namespace NanoGpt.Cli.Tests;

/// <summary>An empty folder to work in, with a small data set where a test wants one.</summary>
sealed class Workplace : IDisposable
{
    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("nanogpt-cli-");

    /// <summary>A tiny run that takes well under a second.</summary>
    public static IReadOnlyList<string> Tiny { get; } = ["--n_layer=2", "--n_head=2", "--n_embd=16", "--block_size=16", "--batch_size=4",
        "--gradient_accumulation_steps=2", "--dropout=0.1", "--max_iters=40", "--eval_interval=20", "--eval_iters=2", "--log_interval=1", "--warmup_iters=5",
        "--lr_decay_iters=40", "--learning_rate=1e-2", "--sample_tokens=40", "--threads=1", "--dataset=text_char"];

    public string Root => folder.FullName;

    public string this[string name] => Path.Combine(Root, name);

    /// <summary>A workplace with a prepared data set in data/text_char.</summary>
    public static Workplace WithData()
    {
        var work = new Workplace();
        work.Write("text.txt", string.Concat(Enumerable.Range(0, 900).Select(i => $"{i} and {i * i % 97} make {i + i * i % 97}.\n")));
        work.Run("prepare", "text_char", "--input", "text.txt").Succeeded();
        return work;
    }

    public void Write(string name, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllText(this[name], content);
    }

    public void WriteBytes(string name, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], content);
    }

    /// <summary>Environment variables of the programs that are started here.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    public RunningProgram Start(params IReadOnlyList<string> arguments) => new(Root, arguments, environment: Environment);

    public Outcome Run(params IReadOnlyList<string> arguments)
    {
        using var program = Start(arguments);
        return program.Wait();
    }

    /// <summary>Runs the program with something on stdin.</summary>
    public Outcome Pipe(byte[] input, params IReadOnlyList<string> arguments)
    {
        using var program = new RunningProgram(Root, arguments, input, Environment);
        return program.Wait();
    }

    /// <summary>Trains the tiny model.</summary>
    public Outcome Train(string outDir, params IReadOnlyList<string> more) => Run(["train", .. Tiny, $"--out_dir={outDir}", .. more]);

    /// <summary>
    /// What a run's metrics say, but for the timings: each line as "iter loss lr norm" or "iter train val", with the numbers as they are written.
    /// </summary>
    public string[] Losses(string outDir) => [.. File.ReadLines(this[Path.Combine(outDir, "metrics.jsonl")]).Select(line =>
    {
        using var json = JsonDocument.Parse(line);
        return string.Join(' ', json.RootElement.EnumerateObject().Where(p => p.Name is not ("tokens_per_second" or "ms" or "waiting")).Select(p => $"{p.Name}={p.Value.GetRawText()}"));
    })];

    public void Dispose() => folder.Delete(recursive: true);
}
