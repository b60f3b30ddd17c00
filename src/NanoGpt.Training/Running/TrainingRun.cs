using NanoGpt.Data;
using NanoGpt.Models;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Training;

/// <summary>Everything a run is made of, put together from its configuration: device, data, model, optimizer, and the checkpoint it resumes from.</summary>
public sealed class TrainingRun : IDisposable
{
    readonly CheckpointStore checkpoints;

    /// <summary>Puts a run together. Nothing large is allocated before the memory plan is found to fit.</summary>
    /// <param name="config">The resolved configuration.</param>
    /// <param name="data">The data set; the run does not dispose of it.</param>
    /// <param name="resume">The checkpoint to go on from, or null to start from scratch.</param>
    /// <exception cref="InvalidDataException">The checkpoint or the pretrained weights do not fit the data, or the checkpoint is not one of this model.</exception>
    /// <exception cref="ArgumentException">HellaSwag is to be scored, but the tokens are not GPT-2's.</exception>
    /// <exception cref="InsufficientMemoryException">The plan is larger than the memory there is; the message gives the sizes.</exception>
    public TrainingRun(TrainConfig config, TokenDataset data, Checkpoint? resume)
    {
        (Config, Data) = (config, data);
        checkpoints = new CheckpointStore(config.OutDir, config.KeepCheckpoints);
        var modelConfig = resume is null ? ModelConfig(config, data) : resume.State.Model with { BlockSize = config.BlockSize, Dropout = config.Dropout };
        if (resume is null && config.IsPretrained && data.Meta is { } meta) PretrainedTokenizer.Check(config.InitFrom, modelConfig.VocabSize, meta, data.Directory);
        data.Validate(modelConfig.VocabSize);
        data.CheckBlockSize(config.BlockSize);
        HellaSwag = RunHellaSwag.Load(config, data);
        Plan(config, data).Check(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

        Device = CpuDevice.Create(config.Threads, precision: PrecisionOf(config.Dtype));
        Model = new Gpt(modelConfig);
        Weights = new ParameterStore(Device, Model.Parameters);
        FrozenCount = FrozenParameters.Freeze(config.Frozen, Weights.Parameters);
        Optimizer = new AdamW(Weights, config.Beta1, config.Beta2, config.WeightDecay, config.GradClip, config.AdamEps);
        Outliers = new OutlierSteps(config.SkipOutlierSteps);
        Tape = new Tape(Device, (ulong)config.Seed) { Recompute = config.Recompute };
        MeasurePeak();

        if (resume is not null) Restore(resume);
        else if (config.IsPretrained)
        {
            using var pretrained = PretrainedWeights.Open(config.InitFrom);
            pretrained.CopyTo(Device, Weights.Parameters);
        }
        else Weights.Initialize((ulong)config.Seed);
    }

    /// <summary>The resolved configuration.</summary>
    public TrainConfig Config { get; }

    /// <summary>The data set.</summary>
    public TokenDataset Data { get; }

    /// <summary>The machine.</summary>
    public CpuDevice Device { get; }

    /// <summary>The model.</summary>
    public Gpt Model { get; }

    /// <summary>Its parameters and gradients.</summary>
    public ParameterStore Weights { get; }

    /// <summary>The optimizer.</summary>
    public AdamW Optimizer { get; }

    /// <summary>Which steps are skipped.</summary>
    public OutlierSteps Outliers { get; }

    /// <summary>How many values of the model are frozen.</summary>
    public long FrozenCount { get; }

    /// <summary>The items that are scored now and then, or null.</summary>
    public HellaSwag? HellaSwag { get; }

    /// <summary>The memory of a step.</summary>
    public Tape Tape { get; }

    /// <summary>What the machine can do, in floating-point operations per second, measured at start.</summary>
    public double PeakFlops { get; private set; }

    /// <summary>Measures again: at start the machine may have been busy with something else.</summary>
    public void MeasurePeak() => PeakFlops = Math.Max(PeakFlops, Device.MeasurePeakFlops(TimeSpan.FromMilliseconds(30)));

    /// <summary>The first iteration to do.</summary>
    public int Iteration { get; private set; }

    /// <summary>The smallest validation loss so far, in nats per token.</summary>
    public double BestValLoss { get; private set; } = double.PositiveInfinity;

    /// <summary>The sizes of the model that a configuration and a data set make. Without a <c>meta.json</c> the vocabulary is GPT-2's, rounded up to 50,304, as in nanoGPT.</summary>
    public static GptConfig ModelConfig(TrainConfig config, TokenDataset data)
    {
        if (!config.IsPretrained) return new(config.BlockSize, data.VocabSize ?? 50304, config.NLayer, config.NHead, config.NEmbd, config.Dropout, config.Bias);
        using var pretrained = PretrainedWeights.Open(config.InitFrom);
        return pretrained.Config with { BlockSize = config.BlockSize, Dropout = config.Dropout };
    }

    /// <summary>Opens the data that a configuration names.</summary>
    /// <exception cref="IOException">Files are missing.</exception>
    /// <exception cref="InvalidDataException">A file is damaged or does not belong to the others.</exception>
    public static TokenDataset OpenData(TrainConfig config) =>
        config.TrainFiles.Length > 0 ? TokenDataset.Open(config.TrainFiles, config.ValFiles) : TokenDataset.Open(config.DataDirectory);

    /// <summary>The precision that a <c>dtype</c> names.</summary>
    /// <exception cref="ArgumentException">It names none that this device has.</exception>
    public static Precision PrecisionOf(string dtype) => dtype switch
    {
        "float32" => Precision.Float32,
        "bfloat16" => Precision.BFloat16,
        _ => throw new ArgumentException($"dtype must be 'float32' or 'bfloat16', got '{dtype}'."),
    };

    /// <summary>What a run will hold in memory.</summary>
    public static MemoryPlan Plan(TrainConfig config, TokenDataset data) =>
        MemoryPlan.ForTraining(ModelConfig(config, data), config.BatchSize, config.BlockSize, config.Threads > 0 ? config.Threads : Environment.ProcessorCount, config.Recompute);

    /// <summary>Saves the run as it stands before an iteration.</summary>
    public Checkpoint Save(int iteration, double bestValLoss, bool best)
    {
        var state = new CheckpointState
        {
            IterNum = iteration,
            BestValLoss = bestValLoss,
            Config = Config,
            Model = Model.Config,
            DataIdentity = Data.Identity(Config.Order),
            DataPosition = (long)iteration * Config.GradientAccumulationSteps,
            RecentLosses = [.. Outliers.Losses],
            RecentNorms = [.. Outliers.Norms],
        };
        return checkpoints.Save(state,
            writer => WeightFiles.Write(writer, Device, Weights.Parameters.Select(p => (p.Name, p.Shape, p.Data))),
            writer => WeightFiles.Write(writer, Device, Optimizer.State()),
            best);
    }

    void Restore(Checkpoint checkpoint)
    {
        string here = Data.Identity(Config.Order), where = "name the data it was trained on with --data_dir, or --train_files and --val_files";
        if (Data.Meta is { } meta && checkpoint.State.TokenizerIdentity is { } tokenizer && tokenizer != meta.TokenizerIdentity)
            throw new InvalidDataException($"The checkpoint {checkpoint.Directory} was trained with the tokenizer '{tokenizer}', but the tokens in {Data.Directory} are of '{meta.TokenizerIdentity}'; {where}.");
        if (checkpoint.State.DataIdentity != here)
            throw new InvalidDataException($"The checkpoint {checkpoint.Directory} was trained on '{checkpoint.State.DataIdentity}', but {Data.Directory} holds '{here}'; {where}, in the same --data_order.");
        using (var file = checkpoint.OpenModel()) WeightFiles.Read(file, Device, Weights.Parameters.Select(p => (p.Name, p.Shape, p.Data)));
        using (var file = checkpoint.OpenOptimizer()) WeightFiles.Read(file, Device, Optimizer.State());
        Iteration = checkpoint.State.IterNum;
        BestValLoss = checkpoint.State.BestValLoss;
        Optimizer.Steps = Iteration;
        Outliers.Restore(checkpoint.State.RecentLosses, checkpoint.State.RecentNorms);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Tape.Dispose();
        Optimizer.Dispose();
        Weights.Dispose();
        Device.Dispose();
    }
}
