using System.CommandLine;
using System.Text;
using NanoGpt.Models;
using NanoGpt.Tensors.Cpu;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary><c>nanogpt sample</c>: text from a trained model, nanoGPT's sample.py.</summary>
static class SampleCommand
{
    public static Command Create()
    {
        var which = new ModelOptions("the data set whose tokenizer to use [default: the one kept in out_dir, or beside the weights]");
        var start = PythonOption.Text("--start", "\n", "text to begin with, or FILE:prompt.txt");
        start.DefaultValueFactory = _ => "\n";
        var count = PythonOption.Integer("--num_samples", 10, "how many samples", least: 1);
        var length = PythonOption.Integer("--max_new_tokens", 500, "tokens of a sample, at most", least: 0);
        var temperature = PythonOption.Number("--temperature", 0.8, "below 1 bolder, above 1 more varied; 0: always the likeliest");
        var topK = PythonOption.Integer("--top_k", 200, "draw from the so many likeliest tokens; 0: from all", least: 0);
        var topP = PythonOption.Number("--top_p", 1, "draw from the likeliest tokens that together have this probability");
        var minP = PythonOption.Number("--min_p", 0, "draw from tokens at least so likely, as a part of the likeliest; 0: from all");
        var penalty = PythonOption.Number("--repetition_penalty", 1, "above 1, tokens that the text has already become less likely");
        var seed = PythonOption.Integer("--seed", 1337, "equal seeds give equal text", least: int.MinValue);
        var stop = new Option<string[]>("--stop") { Description = "end a sample before this text; can be given several times", HelpName = "TEXT" };
        var dtype = PythonOption.Text("--dtype", "float32", "float32, or bfloat16: weights rounded to half the memory, and nearly twice as fast");
        Option<string>[] ignored = [PythonOption.Text("--device", "cpu", "accepted, ignored"), PythonOption.Text("--compile", "False", "accepted, ignored")];
        var command = new DocumentedCommand("sample", "Writes text with a trained model, as it is drawn.", """
              nanogpt sample --out_dir=out-quickstart
              nanogpt sample --out_dir=out-quickstart --start="Returns the " --num_samples=3 --max_new_tokens=200
              nanogpt sample --out_dir=out-quickstart --start=FILE:prompt.txt --temperature=0.5 --top_k=10
              nanogpt sample --out_dir=out-quickstart --stop=". " --checkpoint=last --seed=7
              nanogpt sample --out_dir=out-quickstart --num_samples=8 --dtype=bfloat16 --min_p=0.05 --repetition_penalty=1.1
              nanogpt sample --init_from=gpt2 --start="What is the answer to life?" --num_samples=3 --max_new_tokens=100
            """);
        foreach (Option option in (Option[])[.. which.All, start, count, length, temperature, topK, topP, minP, penalty, seed, dtype, stop, .. ignored]) command.Options.Add(option);
        command.SetAction(result =>
        {
            string[] given = [.. ignored.Where(option => result.GetResult(option) is { Implicit: false }).Select(option => option.Name[2..])];
            if (given.Length > 0) Console.Error.WriteLine($"note: {string.Join(", ", given)} ignored; sampling runs on the CPU.");
            var options = new SamplingOptions(result.GetValue(temperature), result.GetValue(topK), result.GetValue(topP), result.GetValue(seed), result.GetValue(minP), result.GetValue(penalty));
            options.Validate();
            bool narrow = TrainingRun.PrecisionOf(result.GetValue(dtype)!) == Precision.BFloat16;
            using var model = which.Open(result);
            if (narrow) model.Narrow();
            Write(model, options, Prompt(result.GetValue(start)!), result.GetValue(count), result.GetValue(length), Stops(result.GetValue(stop)));
            return ExitCode.Success;
        });
        return command;
    }

    static void Write(TrainedModel model, SamplingOptions options, string start, int count, int length, string[] stops)
    {
        var generator = new Generator(model.Model, model.Tape, options, model.Tokenizer.VocabSize);
        for (int first = 0; first < count; first += Generator.MaxTogether)
            TextStream.Write(generator, model.Tokenizer, start, length, stops, first, Math.Min(Generator.MaxTogether, count - first), after: "\n---------------\n");
    }

    /// <summary>The text to begin with. The two characters \n mean the line end that a shell cannot easily be made to pass.</summary>
    static string Prompt(string start)
    {
        if (start.StartsWith("FILE:", StringComparison.Ordinal))
        {
            string file = start["FILE:".Length..];
            if (Directory.Exists(file)) throw new IOException($"--start: '{file}' is a folder; give a file with the text to begin with.");
            if (file.Length == 0) throw new ArgumentException("--start: FILE: needs the name of a file, as in --start=FILE:prompt.txt.");
            start = File.ReadAllText(file, Encoding.UTF8).Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');       // as in training data
        }
        return start switch
        {
            "" => throw new ArgumentException("--start is empty; give at least one character to begin with."),
            "\\n" => "\n",
            _ => start,
        };
    }

    /// <summary>The texts to stop at. In them, too, \n is a line end.</summary>
    static string[] Stops(string[]? given)
    {
        string[] stops = [.. (given ?? []).Select(text => PythonOption.Unquote(text).Replace("\\n", "\n", StringComparison.Ordinal))];
        return stops.Contains("") ? throw new ArgumentException("--stop is empty; give the text to stop at.") : stops;
    }
}
