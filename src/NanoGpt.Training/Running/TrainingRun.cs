using NanoGpt.Data;
using NanoGpt.Distributed;
using NanoGpt.Models;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Training;

/// <summary>
/// Everything a run is made of, put together from its configuration: device, data, model, optimizer, and the checkpoint it resumes from. With
/// <c>eval_only</c> there is no memory for gradients, and the optimizer owns nothing.
/// </summary>
public sealed class TrainingRun : IDisposable
{
    readonly CheckpointStore checkpoints;
    readonly ShardedState? sharded;

    /// <summary>Puts a run together. Nothing large is allocated before the memory plan is found to fit.</summary>
    /// <param name="config">The resolved configuration.</param>
    /// <param name="data">The data set; the run does not dispose of it.</param>
    /// <param name="resume">The checkpoint to go on from, or null to start from scratch.</param>
    /// <param name="ranks">The ranks of the run; a single process where left out.</param>
    /// <exception cref="InvalidDataException">The checkpoint or the pretrained weights do not fit the data, or the checkpoint is not one of this model.</exception>
    /// <exception cref="ArgumentException">HellaSwag is to be scored, but the tokens are not GPT-2's.</exception>
    /// <exception cref="InsufficientMemoryException">The plan is larger than the memory there is; the message gives the sizes.</exception>
    public TrainingRun(TrainConfig config, TokenDataset data, Checkpoint? resume, Communicator? ranks = null)
    {
        (Config, Data, Ranks) = (config, data, ranks ?? new SingleProcess());
        checkpoints = new CheckpointStore(config.OutDir, config.KeepCheckpoints);
        var modelConfig = ModelConfig(config, data, resume);
        if (resume is null && config.IsPretrained && data.Meta is { } meta)
        {
            using var pretrained = PretrainedWeights.Open(config.InitFrom);
            PretrainedTokenizer.Check(config.InitFrom, pretrained, meta, data.Directory);
        }
        data.Validate(modelConfig.VocabSize);
        data.CheckBlockSize(config.BlockSize);
        HellaSwag = RunHellaSwag.Load(config, data);
        int threads = RankThreads.Of(config.Threads, Ranks);
        Plan(config, data, resume, Ranks).Check(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, Ranks.LocalSize);

        Device = CpuDevice.Create(threads, RankVectors.Of(Ranks), PrecisionOf(config.Dtype));
        Ranks.ShareProgress(() => Device.WorkDone);
        Model = new Gpt(modelConfig);
        Weights = new ParameterStore(Device, Model.Parameters, gradients: !config.EvalOnly);
        FrozenCount = FrozenParameters.Freeze(config.Frozen, Weights.Parameters);
        var wire = config.GradWireDtype == "bfloat16" ? WireFormat.BFloat16 : WireFormat.Float32;
        if (Ranks.Size > 1 && !config.EvalOnly) Buckets = new GradientBuckets(Ranks, Weights, BucketLength(config), wire, config.OverlapGradReduce, config.ShardOptimizer);
        Optimizer = new AdamW(Weights, config.Beta1, config.Beta2, config.WeightDecay, config.GradClip, config.AdamEps, config.EvalOnly ? [] : Buckets?.Owned)
        {
            SumOverOwners = Buckets is { Sharded: true } ? SumOverRanks : own => own,
        };
        if (Buckets is { Sharded: true }) sharded = new(Ranks, Optimizer);
        Outliers = new OutlierSteps(config.SkipOutlierSteps);
        Tape = new Tape(Device, (ulong)config.Seed) { Recompute = config.Recompute, Listener = Buckets };
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

    /// <summary>The ranks of the run.</summary>
    public Communicator Ranks { get; }

    /// <summary>How gradients are summed over the ranks; null in a single process.</summary>
    public GradientBuckets? Buckets { get; }

    /// <summary>The machine.</summary>
    public CpuDevice Device { get; }

    /// <summary>The model.</summary>
    public Gpt Model { get; }

    /// <summary>Its parameters, and their gradients where it is trained.</summary>
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

    /// <summary>The sizes of the model: those of the checkpoint to go on from, else what configuration and data set make. Without a <c>meta.json</c> the vocabulary is GPT-2's, rounded up to 50,304, as in nanoGPT.</summary>
    public static GptConfig ModelConfig(TrainConfig config, TokenDataset data, Checkpoint? resume)
    {
        if (resume is not null) return resume.State.Model with { BlockSize = config.BlockSize, Dropout = config.Dropout };
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

    /// <summary>What each rank of a run will hold in memory.</summary>
    public static MemoryPlan Plan(TrainConfig config, TokenDataset data, Checkpoint? resume, Communicator ranks)
    {
        var model = ModelConfig(config, data, resume);
        int threads = config.Threads > 0 ? config.Threads : Environment.ProcessorCount;
        if (config.EvalOnly) return MemoryPlan.ForEvaluation(model, config.BatchSize, config.BlockSize, threads);
        return MemoryPlan.ForTraining(model, config.BatchSize, config.BlockSize, threads, config.Recompute,
            shards: config.ShardOptimizer ? ranks.Size : 1,
            wire: ranks.Size > 1 && (config.ShardOptimizer || config.GradWireDtype != "float32") ? 2 * BucketLength(config) * sizeof(float) : 0);
    }

    /// <summary>Saves the run as it stands before an iteration; all ranks together, rank 0 writes.</summary>
    /// <returns>The checkpoint on rank 0, null on the others.</returns>
    public Checkpoint? Save(int iteration, double bestValLoss, bool best)
    {
        Ranks.Report(iteration, "saving a checkpoint", patience: 20);
        var saved = Ranks.IsFirst ? Write(iteration, bestValLoss, best) : null;
        if (Ranks.IsFirst) sharded?.Release();
        else sharded?.Serve();
        Ranks.Barrier("the checkpoint of rank 0");
        return saved;
    }

    Checkpoint Write(int iteration, double bestValLoss, bool best)
    {
        var state = new CheckpointState
        {
            IterNum = iteration,
            BestValLoss = bestValLoss,
            Config = Config,
            Model = Model.Config,
            DataIdentity = Data.Identity(Config.Order),
            RecentLosses = [.. Outliers.Losses],
            RecentNorms = [.. Outliers.Norms],
        };
        return checkpoints.Save(state,
            writer => WeightFiles.Write(writer, Device, Weights.Parameters.Select(p => (p.Name, p.Shape, p.Data))),
            writer => WeightFiles.Write(writer, sharded?.Gathered() ?? Optimizer.State().Select(t => (t.Name, t.Shape, t.Read))),
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
        Iteration = checkpoint.State.IterNum;
        BestValLoss = checkpoint.State.BestValLoss;
        if (Config.EvalOnly) return;
        using (var file = checkpoint.OpenOptimizer()) WeightFiles.Read(file, Optimizer.State().Select(t => (t.Name, t.Shape, t.Write)));
        Optimizer.Steps = Iteration;
        Outliers.Restore(checkpoint.State.RecentLosses, checkpoint.State.RecentNorms);
    }

    static long BucketLength(TrainConfig config) => (long)(config.GradBucketMb * 1e6 / sizeof(float));

    double SumOverRanks(double own)
    {
        Span<double> sum = [own];
        Ranks.AllReduceSum(sum, "the norm of the gradients");
        return sum[0];
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
