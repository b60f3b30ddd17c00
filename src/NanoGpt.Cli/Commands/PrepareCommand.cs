using System.CommandLine;
using System.Diagnostics;
using NanoGpt.Data;

namespace NanoGpt.Cli;

/// <summary><c>nanogpt prepare</c>: from raw text to token files.</summary>
static class PrepareCommand
{
    public static Command Create()
    {
        var dataset = new Argument<string?>("DATASET") { Description = "which data set; without it, they are listed", Arity = ArgumentArity.ZeroOrOne };
        var input = new Option<string[]>("--input") { Description = "files, folders or globs to make it of", AllowMultipleArgumentsPerToken = true, HelpName = "PATH" };
        var output = new Option<string?>("--out") { Description = "where it goes [default: data/DATASET]", HelpName = "DIR" };
        var column = PythonOption.Text("--column", "text", "the column or member that holds the text");
        var tokenizer = PythonOption.Text("--tokenizer", "gpt2", "gpt2, char, or the path of a tokenizer");
        var format = new Option<string?>("--format") { Description = "nanogpt, llmc or npy [default: the data set's own]", HelpName = "NAME" };
        var shardTokens = PythonOption.Integer("--shard_tokens", 100_000_000, "tokens of a shard; 0: all in one file", least: 0);
        var threads = PythonOption.Integer("--threads", 0, "threads that encode; 0: every core", least: 0);
        var valDocs = PythonOption.Integer("--val_docs", 0, "so many documents from the start are for validation; 0: another way", least: 0);
        var valFraction = PythonOption.Number("--val_fraction", 0, "this part is for validation; 0: the data set's own way");
        var seed = PythonOption.Integer("--seed", 2357, "chooses which documents val_fraction takes", least: int.MinValue);
        var sample = PythonOption.Text("--sample", "10BT", "which sample of FineWeb: 10BT, 100BT, 350BT");
        var files = PythonOption.Integer("--files", 0, "how many files of a public data set to fetch; 0: all", least: 0);
        var mirror = new Option<string?>("--mirror") { Description = "where to download from, in place of https://huggingface.co", HelpName = "URL" };
        var command = new DocumentedCommand("prepare", "Makes a data set: token files and meta.json.", """
              nanogpt prepare                                           lists the data sets
              nanogpt prepare dotnet_docs_char                          the SDK's API documentation; needs no network
              nanogpt prepare shakespeare_char --input input.txt        tiny Shakespeare from a file you have
              nanogpt prepare text_char --input notes/ --out data/notes your own text, character by character
              nanogpt prepare jsonl --input docs.jsonl.gz --column=body your own documents, in GPT-2's tokens
              nanogpt prepare fineweb_edu --format=npy --files=2        two of the fourteen files of the 10B sample
              nanogpt prepare fineweb_tokens --files=10                 the first billion tokens of the speedrun's FineWeb
            """) { dataset, input, output, column, tokenizer, format, shardTokens, threads, valDocs, valFraction, seed, sample, files, mirror };
        Option[] choices = [column, tokenizer, format, shardTokens, threads, valDocs, valFraction, seed, sample, files, mirror];
        command.SetAction(result => result.GetValue(dataset) is { } name
            ? Run(name, choices.Where(option => result.GetResult(option) is { Implicit: false }).Select(option => option.Name), result.GetValue(output), new PrepareOptions
            {
                Inputs = result.GetValue(input) ?? [],
                Column = result.GetValue(column)!,
                Tokenizer = result.GetValue(tokenizer)!,
                Format = result.GetValue(format) is { } named ? Format(named) : null,
                ShardTokens = result.GetValue(shardTokens),
                Threads = result.GetValue(threads),
                ValDocs = result.GetValue(valDocs) is > 0 and int count ? count : null,
                ValFraction = result.GetValue(valFraction) is not 0 and double part ? part : null,
                Seed = result.GetValue(seed),
                Sample = result.GetValue(sample)!,
                Files = result.GetValue(files) is > 0 and int most ? most : null,
                Mirror = result.GetValue(mirror) is { } address ? Address(address) : null,
                Announce = sentence => Console.WriteLine($"  {sentence}"),
            })
            : List());
        return command;
    }

    static ShardFormat Format(string name) => name switch
    {
        "nanogpt" => ShardFormat.NanoGpt,
        "llmc" => ShardFormat.LlmC,
        "npy" => ShardFormat.Npy,
        _ => throw new ArgumentException($"format='{name}': choose nanogpt, llmc or npy."),
    };

    static Uri Address(string text) =>
        Uri.TryCreate(text.EndsWith('/') ? text : text + "/", UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https" ? address
        : throw new ArgumentException($"mirror='{text}' is no address; give one like https://mirror.example.org.");

    static int List()
    {
        Console.WriteLine("Data sets:");
        foreach (var recipe in Datasets.Known) Console.WriteLine($"  {recipe.Name,-18} {recipe.Description}");
        Console.WriteLine($"\nPrepare one:\n  {Invocation.Of("prepare", Datasets.Known[0].Name)}");
        return ExitCode.Success;
    }

    static int Run(string name, IEnumerable<string> given, string? output, PrepareOptions options)
    {
        IReadOnlyList<string> known = Datasets.Find(name).Options;
        if (given.FirstOrDefault(option => !known.Contains(option)) is { } other)
            throw new ArgumentException($"{name} does not take {other}; it takes {string.Join(", ", ["--input", "--out", .. known])}.");
        string directory = output ?? Path.Combine("data", name);
        using var signals = new StopSignals();
        Prepare(name, options, directory, signals.Token);
        string[] where = output is null ? [] : [$"--data_dir={directory}"];
        string next = name == "dotnet_docs_char"
            ? Invocation.Of(["train", "configs/quickstart.json", .. where])
            : Invocation.Of(["train", "configs/quickstart.json", $"--dataset={name}", .. where, $"--out_dir=out-{name}"]);
        Console.WriteLine($"\nTrain on it:\n  {next}");
        return ExitCode.Success;
    }

    /// <summary>Prepares a data set and says what it is; also what train does when it finds none.</summary>
    public static void Prepare(string name, PrepareOptions options, string directory, CancellationToken stop)
    {
        Datasets.Find(name);
        for (string? path = directory; !string.IsNullOrEmpty(path); path = Path.GetDirectoryName(path))
            if (File.Exists(path)) throw new IOException($"'{path}' is a file; name a folder for the data set with --out.");
        Console.WriteLine($"preparing {name} in {directory}");
        var view = new PrepareView();
        long start = Stopwatch.GetTimestamp();
        PreparedDataset made;
        try
        {
            made = Datasets.Prepare(name, options, directory, view, stop);
        }
        finally
        {
            view.Done();
        }
        var meta = made.Meta;
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        long tokens = meta.TrainTokens + meta.ValTokens, bytes = meta.Sources.Sum(source => source.Bytes);
        if (meta.Tokenizer == "char") Console.WriteLine($"  characters    {tokens:N0}");
        if (meta.Documents is long documents) Console.WriteLine($"  documents     {documents:N0}");
        Console.WriteLine($"  vocabulary    {meta.VocabSize:N0}");
        Console.WriteLine($"  train tokens  {meta.TrainTokens:N0}");
        Console.WriteLine($"  val tokens    {meta.ValTokens:N0}");
        if (meta is { Documents: not null, TrainShards: { } train, ValShards: { } val }) Console.WriteLine($"  shards        {train.Count} for training, {val.Count} for validation");
        foreach (string note in made.Notes) Console.WriteLine($"  {note}");
        string rate = meta.Documents is null ? "" : $" ({bytes / 1e6 / seconds:0.0} MB/s of the files, {tokens / seconds:N0} tokens/s)";
        Console.WriteLine($"  {made.Directory} is ready, after {seconds:0.0} s{rate}");
    }
}
