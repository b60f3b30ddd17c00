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
        var input = new Option<string[]>("--input") { Description = "files or folders of text to make it of", AllowMultipleArgumentsPerToken = true, HelpName = "PATH" };
        var output = new Option<string?>("--out") { Description = "where it goes [default: data/DATASET]", HelpName = "DIR" };
        var command = new DocumentedCommand("prepare", "Makes a data set: train.bin, val.bin (nanoGPT's format) and meta.json.", """
              nanogpt prepare                                           lists the data sets
              nanogpt prepare dotnet_docs_char                          the SDK's API documentation; needs no network
              nanogpt prepare shakespeare_char --input input.txt        tiny Shakespeare from a file you have
              nanogpt prepare text_char --input notes/ --out data/notes your own text
            """) { dataset, input, output };
        command.SetAction(result => result.GetValue(dataset) is { } name
            ? Run(name, result.GetValue(input) ?? [], result.GetValue(output))
            : List());
        return command;
    }

    static int List()
    {
        Console.WriteLine("Data sets:");
        foreach (var recipe in Datasets.Known) Console.WriteLine($"  {recipe.Name,-18} {recipe.Description}");
        Console.WriteLine($"\nPrepare one:\n  {Invocation.Of("prepare", Datasets.Known[0].Name)}");
        return ExitCode.Success;
    }

    static int Run(string name, string[] inputs, string? output)
    {
        string directory = output ?? Path.Combine("data", name);
        using var signals = new StopSignals();
        Prepare(name, inputs, directory, signals.Token);
        string[] where = output is null ? [] : [$"--data_dir={directory}"];
        string next = name == "dotnet_docs_char"
            ? Invocation.Of(["train", "configs/quickstart.json", .. where])
            : Invocation.Of(["train", "configs/quickstart.json", $"--dataset={name}", .. where, $"--out_dir=out-{name}"]);
        Console.WriteLine($"\nTrain on it:\n  {next}");
        return ExitCode.Success;
    }

    /// <summary>Prepares a data set and says what it is; also what train does when it finds none.</summary>
    public static void Prepare(string name, string[] inputs, string directory, CancellationToken stop)
    {
        Datasets.Find(name);
        Console.WriteLine($"preparing {name} in {directory}");
        var view = new PrepareView();
        long start = Stopwatch.GetTimestamp();
        PreparedDataset made;
        try
        {
            made = Datasets.Prepare(name, inputs, directory, view, stop);
        }
        finally
        {
            view.Done();
        }
        var meta = made.Meta;
        Console.WriteLine($"  characters    {meta.TrainTokens + meta.ValTokens:N0}");
        Console.WriteLine($"  vocabulary    {meta.VocabSize:N0}");
        Console.WriteLine($"  train tokens  {meta.TrainTokens:N0}");
        Console.WriteLine($"  val tokens    {meta.ValTokens:N0}");
        foreach (string note in made.Notes) Console.WriteLine($"  {note}");
        Console.WriteLine($"  {made.Directory} is ready, after {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s");
    }
}
