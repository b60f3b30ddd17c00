using System.CommandLine;
using System.Diagnostics;
using NanoGpt.Data;

namespace NanoGpt.Cli;

/// <summary><c>nanogpt tokenizer train</c>: a vocabulary of one's own.</summary>
static class TokenizerCommand
{
    public static Command Create()
    {
        var input = new Option<string[]>("--input") { Description = "files, folders or globs: .txt, .md, .jsonl (also .gz, .zst), .parquet", AllowMultipleArgumentsPerToken = true, HelpName = "PATH", Required = true };
        var column = PythonOption.Text("--column", "text", "the member or column that holds the text");
        var size = PythonOption.Integer("--vocab_size", 8192, "tokens, with the 256 bytes and <|endoftext|>", least: 257);
        var pattern = PythonOption.Text("--pattern", "gpt2", "how text is cut into words: gpt2 or gpt4");
        var output = PythonOption.Text("--out", "tokenizer", "the folder for tokenizer.json, vocab.json and merges.txt");
        var train = new DocumentedCommand("train", "Learns a byte-level BPE vocabulary from text.", """
              nanogpt tokenizer train --input=notes/ --vocab_size=4096 --out=my-tokenizer
              nanogpt tokenizer train --input 'corpus/*.jsonl.gz' --column=text --pattern=gpt4 --vocab_size=32768
              nanogpt prepare text --input notes/ --tokenizer=my-tokenizer        use it
            """) { input, column, size, pattern, output };
        train.SetAction(result => Train(result.GetValue(input)!, result.GetValue(column)!, result.GetValue(size), result.GetValue(pattern)!, result.GetValue(output)!));
        return new DocumentedCommand("tokenizer", "Makes vocabularies.", """
              nanogpt tokenizer train --input=notes/ --vocab_size=4096 --out=my-tokenizer
            """) { train };
    }

    static int Train(string[] inputs, string column, int size, string pattern, string output)
    {
        var split = pattern switch
        {
            "gpt2" => SplitPattern.Gpt2,
            "gpt4" => SplitPattern.Gpt4,
            _ => throw new ArgumentException($"pattern is '{pattern}', but must be gpt2 or gpt4."),
        };
        if (File.Exists(output)) throw new IOException($"'{output}' is a file; name a folder for the tokenizer with --out.");
        Console.WriteLine($"learning {size:N0} tokens from {string.Join(", ", inputs)}");
        using var signals = new StopSignals();
        var view = new PrepareView();
        long start = Stopwatch.GetTimestamp();
        TrainedBpe trained;
        try
        {
            trained = BpeCorpus.Train(inputs, column, split, size, view, signals.Token);
        }
        finally
        {
            view.Done();
        }
        TokenizerJson.Save(trained.Tokenizer, output);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Console.WriteLine($"  text            {trained.Bytes / 1e6:0.0} MB, {trained.Words:N0} distinct words");
        Console.WriteLine($"  vocabulary      {trained.Tokenizer.VocabSize:N0} tokens{(trained.Tokenizer.VocabSize < size ? "; the text has no more pairs that repeat" : "")}");
        if (trained.HeldOutTokens > 0)
            Console.WriteLine($"  held-out text   {(double)trained.HeldOutBytes / trained.HeldOutTokens:0.000} bytes per token ({trained.HeldOutBytes / 1e6:0.00} MB, every hundredth document)");
        Console.WriteLine($"  {output} is ready, after {seconds:0.0} s ({trained.Bytes / 1e6 / seconds:0.0} MB/s)");
        Console.WriteLine($"\nUse it:\n  {Invocation.Of("prepare", "text", "--input", "my-text.txt", $"--tokenizer={output}")}");
        return ExitCode.Success;
    }
}
