using System.CommandLine;
using System.Text.Json;
using NanoGpt.Data;
using NanoGpt.Distributed;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary><c>nanogpt eval</c>: how well a model predicts a whole validation stream, or how it does on HellaSwag.</summary>
static class EvalCommand
{
    public static Command Create()
    {
        var which = new ModelOptions("the data set to predict [default: the one it was trained on]");
        var split = PythonOption.Text("--split", "val", "train or val");
        var batch = PythonOption.Integer("--batch_size", 8, "windows computed together; the result does not depend on it", least: 1);
        var time = PythonOption.Integer("--block_size", 0, "tokens of a window; 0: the model's context", least: 0);
        var stride = PythonOption.Integer("--stride", 0, "tokens from one window to the next; less than block_size: each prediction sees more context; 0: block_size", least: 0);
        var hellaswag = new Option<string?>("--hellaswag") { Description = "score HellaSwag instead: the path of hellaswag_val.jsonl, also as .gz", HelpName = "FILE" };
        var limit = PythonOption.Integer("--limit", 0, "HellaSwag: only so many items from the beginning; 0: all", least: 0);
        var output = new Option<string?>("--output") { Description = "HellaSwag: keep a line for each item in this file; an evaluation that was stopped goes on from there", HelpName = "FILE" };
        var json = new Option<bool>("--json") { Description = "print one line of JSON" };
        var command = new DocumentedCommand("eval", "Loss, perplexity and bits per byte over a whole split, each token counted once; or HellaSwag.", """
              nanogpt eval --out_dir=out-quickstart
              nanogpt eval --out_dir=out-quickstart --stride=64 --json
              nanogpt eval --out_dir=out-gpt2 --hellaswag=hellaswag_val.jsonl --output=hellaswag.jsonl
              nanogpt eval --init_from=gpt2 --data_dir=data/openwebtext
            """);
        foreach (Option option in (Option[])[.. which.All, split, batch, time, stride, hellaswag, limit, output, json]) command.Options.Add(option);
        command.SetAction(result => Together.Run(ranks =>
        {
            if (result.GetValue(split) is not ("train" or "val") and var other) throw new ArgumentException($"split must be 'train' or 'val', got '{other}'.");
            using var model = which.Open(result, ranks);
            if (!result.GetValue(json)) Console.WriteLine($"model       {model.Source.Description}");
            if (result.GetValue(hellaswag) is { } path) return HellaSwagOf(model, path, result.GetValue(limit), result.GetValue(output), result.GetValue(json), ranks);
            return Stream(model, result.GetValue(which.DataDir), result.GetValue(split)!, result.GetValue(batch), result.GetValue(time), result.GetValue(stride), result.GetValue(json), ranks);
        }));
        return command;
    }

    static int Stream(TrainedModel model, string? dataDir, string split, int batch, int time, int stride, bool json, Communicator ranks)
    {
        using var data = dataDir is not null ? TokenDataset.Open(dataDir)
            : model.Source.OpenData?.Invoke() ?? throw new ArgumentException("Pretrained weights do not say what to predict; name a data set with --data_dir.");
        var stream = data[split == "val" ? Split.Val : Split.Train];
        var countdown = new Countdown(stream.Count - 1, "tokens");
        var r = new StreamLoss(model.Model, model.Tape, stream, model.Source.Tokenizer, ranks).Run(batch, time, stride, done =>
        {
            if (ranks.IsFirst) countdown.Report(done);
        });
        countdown.End();
        if (!ranks.IsFirst) return ExitCode.Success;
        if (json)
        {
            WriteJson(w =>
            {
                w.WriteNumber("loss", r.Loss);
                w.WriteNumber("perplexity", r.Perplexity);
                if (r.Bytes > 0) w.WriteNumber("bits_per_byte", r.BitsPerByte);
                w.WriteNumber("predictions", r.Predictions);
                if (r.Bytes > 0) w.WriteNumber("bytes", r.Bytes);
                w.WriteString("stream", stream.Name);
                w.WriteNumber("stream_tokens", r.StreamTokens);
                w.WriteString("stream_sha256", r.StreamSha256);
            });
            return ExitCode.Success;
        }
        Console.WriteLine($"""
            stream      {stream.Name}: {r.StreamTokens:N0} tokens, sha256 {r.StreamSha256}
            predicted   {r.Predictions:N0} tokens{(r.Bytes > 0 ? $", {r.Bytes:N0} bytes" : "")}, each once
            loss        {r.Loss:0.000000}
            perplexity  {r.Perplexity:0.0000}
            bits/byte   {(r.Bytes > 0 ? $"{r.BitsPerByte:0.0000}" : "unknown: nothing says what the tokens mean")}
            """);
        return ExitCode.Success;
    }

    static int HellaSwagOf(TrainedModel model, string path, int limit, string? output, bool json, Communicator ranks)
    {
        var tasks = HellaSwag.Load(path, model.Tokenizer, limit);
        using var log = output is null || !ranks.IsFirst ? null : new HellaSwagLog(output, $"weights {model.WeightsSha256()[..16]}, tokenizer {model.Tokenizer.Name} {model.Tokenizer.Hash[..16]}, {Path.GetFileName(path)}");
        var results = log is null ? [] : log.Results.Where(r => r.Row < tasks.Items.Count).ToList();
        int before = results.Count;
        if (before > 0 && !json) Console.WriteLine($"going on    {before:N0} items are in {output} already");
        int right = results.Count(r => r.Right), rightPerToken = results.Count(r => r.RightPerToken);
        var countdown = new Countdown(tasks.Items.Count - before, "items");
        foreach (var result in tasks.Score(model.Model, model.Tape, KnownToAll(results.Select(r => r.Row), tasks.Items.Count, ranks), ranks))
        {
            log?.Append(result);
            results.Add(result);
            if (result.Right) right++;
            if (result.RightPerToken) rightPerToken++;
            if (ranks.IsFirst) countdown.Report(results.Count - before, $", acc {(double)right / results.Count:0.0000}, acc_norm {(double)rightPerToken / results.Count:0.0000}");
        }
        countdown.End();
        if (!ranks.IsFirst) return ExitCode.Success;
        double accuracy = (double)right / results.Count, normalised = (double)rightPerToken / results.Count;
        if (json)
        {
            WriteJson(w =>
            {
                w.WriteNumber("acc", accuracy);
                w.WriteNumber("acc_norm", normalised);
                w.WriteNumber("items", results.Count);
            });
            return ExitCode.Success;
        }
        Console.WriteLine($"""
            items       {results.Count:N0}
            acc         {accuracy:0.0000}
            acc_norm    {normalised:0.0000}
            """);
        return ExitCode.Success;
    }

    /// <summary>The items that are in the log of rank 0.</summary>
    static HashSet<int> KnownToAll(IEnumerable<int> rows, int items, Communicator ranks)
    {
        var known = new byte[items];
        foreach (int row in rows) known[row] = 1;
        ranks.Broadcast(known, "the results that are there already");
        return [.. Enumerable.Range(0, items).Where(row => known[row] == 1)];
    }

    static void WriteJson(Action<Utf8JsonWriter> content)
    {
        using var stream = Console.OpenStandardOutput();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            content(json);
            json.WriteEndObject();
        }
        stream.Write("\n"u8);
    }
}
