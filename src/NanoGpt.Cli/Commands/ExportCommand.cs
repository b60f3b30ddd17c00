using System.CommandLine;
using NanoGpt.Models;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary><c>nanogpt export</c>: a trained model in the forms that other tools take.</summary>
static class ExportCommand
{
    public static Command Create()
    {
        var which = new ModelOptions("the data set whose tokenizer to use [default: the one kept in out_dir, or beside the weights]");
        var format = new Option<string>("--format") { Description = "hf: a folder for Hugging Face's transformers; gguf: a file for llama.cpp; nanogpt: a folder with nanoGPT's ckpt.pt", HelpName = "FORMAT", Required = true };
        var to = new Option<string?>("--to") { Description = "the folder or file to write [default: out_dir/hf, out_dir/model-DTYPE.gguf, out_dir/nanogpt]", HelpName = "PATH" };
        var dtype = PythonOption.Text("--dtype", "f32", "numbers of the matrices: f32; for gguf also f16 or q8_0");
        var overwrite = PythonOption.Boolean("--overwrite", false, "replace what is at PATH; in a folder, what is not of the format stays");
        var command = new DocumentedCommand("export", "Writes a trained model in the forms that other tools take.", """
              nanogpt export --out_dir=out-quickstart --format=hf                      transformers: from_pretrained("out-quickstart/hf")
              nanogpt export --out_dir=out-quickstart --format=gguf --dtype=q8_0       llama-cli -m out-quickstart/model-q8_0.gguf
              nanogpt export --out_dir=out-quickstart --format=nanogpt --to=out-there  nanoGPT: sample.py --out_dir=out-there
              nanogpt export --out_dir=out-quickstart --format=gguf --checkpoint=last --to=models/last.gguf --overwrite
              nanogpt export --init_from=gpt2 --format=gguf --dtype=f16 --to=gpt2.gguf
            """);
        foreach (Option option in (Option[])[format, dtype, to, overwrite, .. which.All]) command.Options.Add(option);
        command.SetAction(result =>
        {
            string kind = result.GetValue(format)!, numbers = result.GetValue(dtype)!;
            var precision = Precision(kind, numbers);
            string target = result.GetValue(to) ?? Path.Combine(which.Run(result) ?? throw new ArgumentException("name with --to where to write what init_from gives."), kind == "gguf" ? $"model-{numbers}.gguf" : kind);
            var model = which.Find(result);
            using var export = new ModelExport(model, which.Threads(result));
            Console.WriteLine($"model       {model.Description}");
            var countdown = new Countdown(export.Count, "values");
            export.Progress = done => countdown.Report(done);
            bool replace = result.GetValue(overwrite);
            var notes = kind switch
            {
                "hf" => export.ToHuggingFace(target, replace),
                "gguf" => export.ToGguf(target, precision, replace),
                _ => export.ToNanoGpt(target, replace),
            };
            countdown.End();
            Console.WriteLine($"exported    {target}, {Size(target) / 1e6:0.0} MB");
            foreach (string note in notes) Console.Error.WriteLine($"note: {note}");
            Console.WriteLine($"\nUse it:\n{Use(kind, target)}");
            return ExitCode.Success;
        });
        return command;
    }

    static GgufPrecision Precision(string format, string dtype)
    {
        if (format is not ("hf" or "gguf" or "nanogpt")) throw new ArgumentException($"format is '{format}', but must be hf, gguf or nanogpt.");
        return dtype switch
        {
            "f32" => GgufPrecision.F32,
            "f16" when format == "gguf" => GgufPrecision.F16,
            "q8_0" when format == "gguf" => GgufPrecision.Q8,
            _ => throw new ArgumentException($"dtype is '{dtype}', but must be {(format == "gguf" ? "f32, f16 or q8_0" : $"f32 for {format}; f16 and q8_0 are for gguf")}."),
        };
    }

    static long Size(string path) => File.Exists(path) ? new FileInfo(path).Length : Directory.EnumerateFiles(path).Sum(file => new FileInfo(file).Length);

    static string Use(string format, string path) => format switch
    {
        "hf" => $"""
              from transformers import AutoModelForCausalLM, AutoTokenizer
              model, tokenizer = AutoModelForCausalLM.from_pretrained("{path.Replace('\\', '/')}"), AutoTokenizer.from_pretrained("{path.Replace('\\', '/')}")
            """,
        "gguf" => $"  llama-cli -m {path} -no-cnv -p \"Once upon a time\"",
        _ => $"  python sample.py --out_dir={Path.GetFullPath(path)}        in nanoGPT's folder{(File.Exists(Path.Combine(path, NanoGptMeta.FileName)) ? "; meta.pkl belongs into its data/DATASET" : "")}",
    };
}
