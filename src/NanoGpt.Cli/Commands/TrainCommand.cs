using System.Buffers.Binary;
using System.CommandLine;
using System.Diagnostics;
using NanoGpt.Data;
using NanoGpt.Distributed;
using NanoGpt.Models;
using NanoGpt.Tensors.Cpu;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary><c>nanogpt train</c>: nanoGPT's train.py, from the command line to a trained model.</summary>
static class TrainCommand
{
    public static Command Create()
    {
        var command = new DocumentedCommand("train", "Trains a GPT.", """
              nanogpt train configs/quickstart.json                                 a first model, in about a minute
              nanogpt train configs/shakespeare_char.json --max_iters=2000 --dropout=0.0
              nanogpt train configs/quickstart.json --dataset=text_char --out_dir=out-mine
              nanogpt train configs/finetune_shakespeare.json --init_from=gpt2       goes on from OpenAI's weights
              nanogpt train --out_dir=out-mine --init_from=resume --max_iters=5000    goes on with that run
              nanogpt train --out_dir=out-mine --init_from=resume --eval_only=True    only its losses
              mpirun -n 4 nanogpt train configs/quickstart.json --gradient_accumulation_steps=4    four processes
            """)
        {
            FullHelp = () => $"""
                Trains a GPT.

                Usage:
                  nanogpt train [CONFIG…] [--key=value …]

                CONFIG is a JSON file with comments (configs/), or one of nanoGPT's own .py files. Later values win. A command line of
                nanoGPT works as it is. A resumed run keeps its stored configuration; what is given is laid over it.

                {TrainConfig.Help()}
                {ExitCode.Explained}


                """,
            TreatUnmatchedTokensAsErrors = false,        // the keys have a parser of their own
        };
        command.SetAction(result =>
        {
            using var signals = new StopSignals();
            return Together.Run(ranks => Run(ConfigArguments.Parse(result.UnmatchedTokens), ranks, signals));
        });
        return command;
    }

    static int Run(ConfigArguments given, Communicator ranks, StopSignals signals)
    {
        ranks.ShareStop(() => signals.Token.IsCancellationRequested, signals.Request);
        ranks.Report(-1, "preparing the data", patience: 1000);
        var (config, checkpoint, notes) = ranks.FirstThenOthers(() => ResolvedRun.From(given, DownloadView.Watch(signals.Token)), "the weights that rank 0 finds");
        ranks.Watchdog = config.Watchdog;
        RunAgreement.Check(ranks, config, checkpoint);
        config.CheckRanks(ranks.Size);
        foreach (string note in notes) Console.WriteLine($"note: {note}");
        if (config.Dtype == "bfloat16" && !CpuDevice.HasFastBFloat16) Console.WriteLine("note: dtype: this machine has no fast bfloat16; the numbers are rounded to it at the speed of float32.");

        if (ranks.IsFirst) PrepareData(config, signals.Token);
        ranks.Barrier("the data set of rank 0");
        ranks.Report(-1, "reading the data and the weights", patience: 20);
        using var data = TrainingRun.OpenData(config);
        RunSamples.Check(config, data);
        RunAgreement.Check(ranks, config, data);
        RunSummary.Write(config, data, checkpoint, ranks);
        using var run = new TrainingRun(config, data, checkpoint, ranks);
        Console.WriteLine($"device      {run.Device.Name}, {config.Dtype}, peak {Units.Flops(run.PeakFlops)} (measured)");
        if (run.FrozenCount > 0) Console.WriteLine($"frozen      {Units.Count(run.FrozenCount)} of {Units.Count(run.Weights.Count)} parameters, as '{config.Frozen}' says");
        if (run.Iteration > config.MaxIters && !config.EvalOnly)
        {
            Console.WriteLine($"\nThis run is complete: it has done iteration {config.MaxIters:N0}, its last. Give a larger --max_iters to go on.");
            return ExitCode.Success;
        }
        using var folder = new RunFolder(config.OutDir);
        using var log = OpenLog(folder, config, data, checkpoint, ranks);
        Console.WriteLine();

        IRunView view = LiveView.IsPossible ? new LiveView(config, run.Iteration) : new PlainView(config, run.Iteration);
        signals.Requested = () => view.Say("stopping soon (once more: at once, without saving)");
        long start = Stopwatch.GetTimestamp();
        var result = view.Watch(() => new Trainer(run, view, log).Run(signals.Token));
        if (config.EvalOnly && !result.Stopped) return ExitCode.Success;
        Console.WriteLine();
        if (result.Stopped) return Stopped(config, result);
        if (!ranks.IsFirst) return ExitCode.Success;
        Console.WriteLine($"done        {result.Iteration - run.Iteration:N0} iterations in {Units.Duration(Stopwatch.GetElapsedTime(start).TotalSeconds)}");
        Finish(config, run, result, signals.Token);
        return ExitCode.Success;
    }

    /// <summary>A data set that has a recipe is prepared where nobody named another place for it.</summary>
    static void PrepareData(TrainConfig config, CancellationToken stop)
    {
        if (config.TrainFiles.Length > 0 || Datasets.IsPrepared(config.DataDirectory)) return;
        if (config.DataDir.Length > 0)
            throw new DirectoryNotFoundException($"There is no prepared data set in '{config.DataDir}' (data_dir); make one with: {Invocation.Of(["prepare", config.Dataset, .. Input(config.Dataset), "--out", config.DataDir])}");
        if (!Datasets.Find(config.Dataset).IsSmall)
            throw new DirectoryNotFoundException($"The data set '{config.Dataset}' is not prepared yet; make it with: {Invocation.Of(["prepare", config.Dataset, .. Input(config.Dataset)])}");
        try
        {
            PrepareCommand.Prepare(config.Dataset, new PrepareOptions(), config.DataDirectory, stop);
        }
        catch (ArgumentException fault) when (Datasets.Known.Any(recipe => recipe.Name == config.Dataset))
        {
            throw new ArgumentException($"The data set '{config.Dataset}' is not prepared yet, and {fault.Message.TrimEnd('.')}: {Invocation.Of(["prepare", config.Dataset, .. Input(config.Dataset)])}", fault);
        }
        Console.WriteLine();
    }

    /// <summary>What to add to the advice to prepare a data set that has no source of its own.</summary>
    static string[] Input(string dataset) => Datasets.Known.FirstOrDefault(recipe => recipe.Name == dataset) is { HasSource: false } ? ["--input", "my-text"] : [];

    /// <summary>The log of rank 0; the others get one that writes nothing, but knows the last evaluation.</summary>
    static MetricsLog OpenLog(RunFolder folder, TrainConfig config, TokenDataset data, Checkpoint? checkpoint, Communicator ranks)
    {
        if (config.EvalOnly) return MetricsLog.None();
        MetricsLog? log = null;
        Span<byte> last = stackalloc byte[sizeof(int)];
        if (ranks.IsFirst)
        {
            log = folder.Open(config, data, checkpoint, out string? former);
            if (former is not null) Console.WriteLine($"note: {config.OutDir} held a former run; it is now in {former}.");
            BinaryPrimitives.WriteInt32LittleEndian(last, log.LastEvaluation ?? -1);
        }
        ranks.Broadcast(last, "the run folder of rank 0");
        int lastEvaluation = BinaryPrimitives.ReadInt32LittleEndian(last);
        return log ?? MetricsLog.None(lastEvaluation < 0 ? null : lastEvaluation);
    }

    static int Stopped(TrainConfig config, TrainingResult result)
    {
        if (result.Iteration == 0)
        {
            Console.WriteLine("stopped before the first step; there was nothing to save.");
            return ExitCode.Interrupted;
        }
        Console.WriteLine($"stopped before iteration {result.Iteration:N0}; everything up to it is saved. Go on with:");
        Console.WriteLine($"  {Invocation.Of("train", $"--out_dir={config.OutDir}", "--init_from=resume")}");
        return ExitCode.Stopped;
    }

    static void Finish(TrainConfig config, TrainingRun run, TrainingResult result, CancellationToken stop)
    {
        string checkpoints = Path.Combine(config.OutDir, "checkpoints");
        if (!double.IsNaN(result.ValLoss)) Console.WriteLine($"val loss    {result.ValLoss:0.0000}, best {result.BestValLoss:0.0000}");
        else if (double.IsFinite(result.BestValLoss)) Console.WriteLine($"val loss    best {result.BestValLoss:0.0000}");
        Console.WriteLine($"speed       {result.TokensPerSecond:N0} tokens/s, {result.TokensPerSecond * run.Model.Config.FlopsPerToken(config.BlockSize) / (run.PeakFlops * run.Ranks.Size):0%} of the machine's peak");
        Console.WriteLine($"checkpoint  {checkpoints} (last{(new CheckpointStore(config.OutDir).Contains(CheckpointStore.Best) ? ", best" : "")})");
        if (run.Data.Tokenizer is { } tokenizer)
        {
            if (config.SampleTokens > 0) WriteSample(config, run, tokenizer, stop);
            Console.WriteLine($"\nMore text:       {Invocation.Of("sample", $"--out_dir={config.OutDir}")}");
        }
        long more = config.MaxIters == 0 ? 1000 : 2L * config.MaxIters;
        Console.WriteLine($"Train it longer: {Invocation.Of("train", $"--out_dir={config.OutDir}", "--init_from=resume", $"--max_iters={more}", $"--lr_decay_iters={more}")}");
    }

    static void WriteSample(TrainConfig config, TrainingRun run, Tokenizer tokenizer, CancellationToken stop)
    {
        Console.WriteLine("\nIt writes:");
        TextStream.Write(new Generator(run.Model, run.Tape, RunSamples.Options(config), tokenizer.VocabSize), tokenizer, RunSamples.Prompt(config, run.Data, tokenizer), config.SampleTokens, [], stop);
        Console.WriteLine();
    }
}
