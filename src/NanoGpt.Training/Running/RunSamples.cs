using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using NanoGpt.Data;
using NanoGpt.Models;

namespace NanoGpt.Training;

/// <summary>
/// The keys <c>sample_…</c>: text that the model writes during the run, shown and kept in <c>samples.jsonl</c>, a line each:
/// <c>iter, sample, text</c>. Each round has the same prompt and the same random draws, so what differs is the model. A run resumed
/// from iteration N writes the round of N again, with the same text; so the file equals that of a run that was never stopped.
/// </summary>
public sealed class RunSamples
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "samples.jsonl";

    static readonly JsonWriterOptions json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    readonly TrainingRun run;
    readonly ITrainingView view;
    readonly string path;

    /// <summary>The samples of a run that is about to go on from its iteration.</summary>
    /// <exception cref="ArgumentException">Samples are wanted, but nothing says what the tokens mean, or the prompt has characters that are not in the vocabulary.</exception>
    public RunSamples(TrainingRun run, ITrainingView view)
    {
        (this.run, this.view, path) = (run, view, Path.Combine(run.Config.OutDir, FileName));
        Check(run.Config, run.Data);
        if (run.Config is { SampleInterval: > 0, EvalOnly: false } && run.Ranks.IsFirst) DropFrom(run.Iteration);
    }

    /// <summary>Finds out before a run, not after it, whether its samples can be written.</summary>
    /// <exception cref="ArgumentException">They cannot: see the constructor.</exception>
    public static void Check(TrainConfig config, TokenDataset data)
    {
        if (config.EvalOnly) return;
        if (data.Tokenizer is { } tokenizer)
        {
            if (config.SampleTokens > 0) tokenizer.Encode(Prompt(config, data, tokenizer));
        }
        else if (config.SampleInterval > 0)
            throw new ArgumentException($"sample_interval: there is no {DatasetMeta.FileName} in {data.Directory} to say what the tokens mean; prepare the data set here, or leave sample_interval out.");
    }

    /// <summary>Whether an iteration begins with a round of samples.</summary>
    public bool IsDue(int iteration) =>
        run.Config.SampleInterval > 0 && iteration > 0 && (iteration % run.Config.SampleInterval == 0 || iteration == run.Config.MaxIters);

    /// <summary>Lets the model write a round of samples; one that is stopped is not kept.</summary>
    public void Write(int iteration, CancellationToken stop)
    {
        var tokenizer = run.Data.Tokenizer!;
        string prompt = Prompt(run.Config, run.Data, tokenizer);
        var generator = new Generator(run.Model, run.Tape, Options(run.Config), tokenizer.VocabSize);
        using var lines = new MemoryStream();
        for (int sample = 0; sample < run.Config.SampleCount; sample++)
        {
            var tokens = new List<int>();
            foreach (int id in generator.Continue(tokenizer.Encode(prompt), run.Config.SampleTokens, sample))
            {
                if (stop.IsCancellationRequested) return;
                run.Ranks.Report(iteration, "sampling");
                if (id == tokenizer.EndOfText) break;
                tokens.Add(id);
            }
            string text = prompt + tokenizer.Decode([.. tokens]);
            Append(lines, iteration, sample, text);
            view.Sampled(new(iteration, sample, text));
        }
        using var file = new FileStream(path, FileMode.Append);
        lines.WriteTo(file);
    }

    /// <summary>How samples of a run are drawn.</summary>
    public static SamplingOptions Options(TrainConfig config) => new(TopK: config.SampleTopK, Seed: config.Seed);

    /// <summary>What samples of a run begin with: what the user gave, else a line end where the vocabulary has one, else what the training text begins with.</summary>
    public static string Prompt(TrainConfig config, TokenDataset data, Tokenizer tokenizer)
    {
        if (config.SamplePrompt.Length > 0) return config.SamplePrompt;
        try
        {
            tokenizer.Encode("\n");
            return "\n";
        }
        catch (ArgumentException)
        {
            Span<int> first = [0];
            data[Split.Train].Read(0, first);
            return tokenizer.Decode(first);
        }
    }

    static void Append(MemoryStream lines, int iteration, int sample, string text)
    {
        using (var writer = new Utf8JsonWriter(lines, json))
        {
            writer.WriteStartObject();
            writer.WriteNumber("iter", iteration);
            writer.WriteNumber("sample", sample);
            writer.WriteString("text", text);
            writer.WriteEndObject();
        }
        lines.WriteByte((byte)'\n');
    }

    /// <summary>Drops what the run wrote from an iteration on before it was stopped, and a line that a crash has torn.</summary>
    void DropFrom(int iteration)
    {
        if (!File.Exists(path)) return;
        var kept = File.ReadLines(path).TakeWhile(line => IterationOf(line) < iteration).Select(line => line + "\n").ToList();
        var disk = new DurableDisk();
        disk.WriteFile(path + ".tmp", stream => stream.Write(Encoding.UTF8.GetBytes(string.Concat(kept))));
        disk.MoveFile(path + ".tmp", path);
    }

    static int IterationOf(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.GetProperty("iter").GetInt32();
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return int.MaxValue;
        }
    }
}
