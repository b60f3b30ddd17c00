namespace NanoGpt.Cli;

/// <summary>What <c>nanogpt</c> alone prints: where to begin.</summary>
static class Overview
{
    public static int Show()
    {
        Console.WriteLine($"""
            nanogpt trains GPTs and writes text with them, on the CPU, with nothing but .NET.

            Begin with:
              {Invocation.Of("train", "configs/quickstart.json")}
                  prepares a corpus, trains a small model for about a minute and shows what it writes
              {Invocation.Of("sample", "--out_dir=out-quickstart", "--start=Returns the ")}
                  writes more
              {Invocation.Of("prepare", "text_char", "--input", "my-text.txt")}
                  makes a data set of your own text

            Commands: prepare, data, tokenize, tokenizer, train, compare, sample, eval, export, bench, doctor. Each has --help with examples.
            """);
        return ExitCode.Success;
    }
}
