using System.CommandLine;
using System.Text.Json;
using NanoGpt.Models;
using NanoGpt.Tensors;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary><c>nanogpt bench</c>: how fast this machine trains a shape.</summary>
static class BenchCommand
{
    public static Command Create()
    {
        var layers = PythonOption.Integer("--n_layer", 4, "transformer blocks", least: 1);
        var heads = PythonOption.Integer("--n_head", 4, "attention heads per block; must divide n_embd", least: 1);
        var width = PythonOption.Integer("--n_embd", 128, "width of the model", least: 1);
        var time = PythonOption.Integer("--block_size", 64, "tokens per sequence", least: 1);
        var batch = PythonOption.Integer("--batch_size", 12, "sequences per step", least: 1);
        var vocabulary = PythonOption.Integer("--vocab_size", 65, "token ids", least: 2);
        var bias = PythonOption.Boolean("--bias", false, "biases in linear layers and layer norms");
        var dropout = PythonOption.Number("--dropout", 0, "dropout probability");
        var dtype = PythonOption.Text("--dtype", "float32", "float32 or bfloat16: in which precision matrices are multiplied");
        var threads = PythonOption.Integer("--threads", 0, "worker threads; 0: every core", least: 0);
        var steps = PythonOption.Integer("--steps", 0, "steps to measure; 0: as many as take about three seconds", least: 0);
        var recompute = PythonOption.Boolean("--recompute", false, "compute blocks again on the way back: less memory, more work");
        var profile = new Option<bool>("--profile") { Description = "show what each kernel costs, and the least it could" };
        var sweep = new Option<bool>("--sweep") { Description = "measure many shapes and print a table; only --dtype, --threads and --rounds apply" };
        var rounds = PythonOption.Integer("--rounds", 1, "with --sweep: measure all shapes so often, in turn, and print the best of each", least: 1);
        var decode = new Option<bool>("--decode") { Description = "measure writing instead of training; the shape is GPT-2 124M where none is given, --steps the tokens" };
        var json = new Option<bool>("--json") { Description = "print one line of JSON instead of a table" };
        var command = new DocumentedCommand("bench", "Trains synthetic batches of a shape and says how fast that goes.", """
              nanogpt bench                                                     nanoGPT's small model for a CPU
              nanogpt bench --n_layer=6 --n_head=6 --n_embd=384 --block_size=256 --batch_size=64 --vocab_size=65
              nanogpt bench --n_layer=12 --n_head=12 --n_embd=768 --block_size=1024 --batch_size=1 --vocab_size=50304
              nanogpt bench --dtype=bfloat16 --threads=1 --json                 one line for a script
              nanogpt bench --profile                                           where the time of a step goes
              nanogpt bench --sweep --dtype=bfloat16                            no shape should be a cliff
              nanogpt bench --sweep --rounds=3                                  the same where others share the machine
              nanogpt bench --decode --dtype=bfloat16                           how fast GPT-2 124M writes
            """) { layers, heads, width, time, batch, vocabulary, bias, dropout, dtype, recompute, threads, steps, profile, sweep, rounds, decode, json };
        command.SetAction(result =>
        {
            var config = new GptConfig(result.GetValue(time), result.GetValue(vocabulary), result.GetValue(layers), result.GetValue(heads),
                result.GetValue(width), result.GetValue(dropout), result.GetValue(bias));
            if (config.Dropout is not (>= 0 and < 1)) throw new ArgumentException($"dropout must be at least 0 and below 1, got {config.Dropout}.");
            if (result.GetValue(json) && (result.GetValue(decode) || result.GetValue(sweep))) throw new ArgumentException("--json is for one shape that is trained; leave it out, --decode and --sweep print a table.");
            if (result.GetValue(decode))
            {
                bool shaped = new[] { layers, heads, width, time, vocabulary }.Any(option => result.GetResult(option) is { Implicit: false });
                if (!shaped) config = new GptConfig(VocabSize: 50257);
                Check(MemoryPlan.ForEvaluation(config, batch: 1, config.BlockSize, ThreadsOf(result.GetValue(threads))), config);
                return BenchDecode.Run(config, TrainingRun.PrecisionOf(result.GetValue(dtype)!), result.GetValue(threads), result.GetValue(steps), result.GetValue(profile));
            }
            string precision = result.GetValue(dtype)!;
            var shape = new BenchmarkShape(config, result.GetValue(batch), result.GetValue(threads), TrainingRun.PrecisionOf(precision),
                result.GetValue(recompute), result.GetValue(profile));
            return result.GetValue(sweep) ? BenchSweep.Run(shape, result.GetValue(rounds)) : Run(shape, precision, result.GetValue(steps), result.GetValue(json));
        });
        return command;
    }

    static int Run(BenchmarkShape shape, string dtype, int steps, bool json)
    {
        var config = shape.Model;
        var plan = MemoryPlan.ForTraining(config, shape.Batch, config.BlockSize, ThreadsOf(shape.Threads), shape.Recompute);
        Check(plan, config);
        if (!json)
        {
            Console.WriteLine($"n_layer {config.NLayer}, n_head {config.NHead}, n_embd {config.NEmbd}, block_size {config.BlockSize}, batch_size {shape.Batch}, " +
                $"vocab_size {config.VocabSize:N0}: {Units.Count(config.ParameterCount())} parameters, {(long)shape.Batch * config.BlockSize:N0} tokens per step");
            Console.WriteLine($"memory {Units.Bytes(plan.Total)}: {plan}");
        }
        var result = StepBenchmark.Run(shape, steps);
        if (json) WriteJson(result, dtype);
        else WriteTable(result, dtype);
        if (shape.Profile && !json)
        {
            double bound = KernelTable.Write(result.Kernels, result.Steps, result.PeakFlops, result.Bandwidth);
            Console.WriteLine($"there, a step would take {bound * 1000:0.00} ms, at {result.ModelFlops * result.Median / bound / result.PeakFlops:0.0%} of the peak");
        }
        return ExitCode.Success;
    }

    static int ThreadsOf(int threads) => threads > 0 ? threads : Environment.ProcessorCount;

    /// <summary>Refuses what does not fit into memory, or makes no model, of which one block tells.</summary>
    static void Check(MemoryPlan plan, GptConfig config)
    {
        plan.Check(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        _ = new Gpt(config with { NLayer = 1 });
    }

    static void WriteTable(StepBenchmarkResult result, string dtype)
    {
        Console.WriteLine($"""

            device              {result.Device}, {dtype}
            tokens per second   {result.TokensPerSecond:N0}
            time per step       {result.Median * 1000:0.00} ms, median of {result.Steps:N0} ({result.Fastest * 1000:0.00} to {result.Slowest * 1000:0.00})
            model rate          {Units.Flops(result.ModelFlops)}
            machine peak        {Units.Flops(result.PeakFlops)}, measured; {Units.Flops(result.FlopsBetweenSteps)} between the steps
            part of the peak    {result.PartOfPeak:0.0%}; {result.PartOfRateBetweenSteps:0.0%} of what there was between the steps
            peak memory         {Units.Bytes(result.PeakResidentBytes)}
            """);
    }

    static void WriteJson(StepBenchmarkResult result, string dtype)
    {
        using var stream = Console.OpenStandardOutput();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteNumber("tokens_per_second", Math.Round(result.TokensPerSecond, 1));
            json.WriteNumber("ms_per_step", Math.Round(result.Median * 1000, 4));
            json.WriteNumber("model_gflops", Math.Round(result.ModelFlops / 1e9, 3));
            json.WriteNumber("peak_gflops", Math.Round(result.PeakFlops / 1e9, 3));
            json.WriteNumber("peak_fraction", Math.Round(result.PartOfPeak, 4));
            json.WriteNumber("between_steps_gflops", Math.Round(result.FlopsBetweenSteps / 1e9, 3));
            json.WriteNumber("between_steps_fraction", Math.Round(result.PartOfRateBetweenSteps, 4));
            json.WriteNumber("peak_rss_bytes", result.PeakResidentBytes);
            json.WriteNumber("threads", result.Threads);
            json.WriteString("dtype", dtype);
            json.WriteEndObject();
        }
        stream.Write("\n"u8);
    }
}
