using NanoGpt.Data;

namespace NanoGpt.Training;

/// <summary>
/// Everything a training run can be told: every key of nanoGPT's train.py, with its meaning and its default,
/// and the few this project adds. A key <c>n_layer</c> is the property <see cref="NLayer"/>.
/// </summary>
/// <remarks>
/// Three defaults differ from nanoGPT's because the machine does: <c>device</c> is <c>cpu</c>, <c>dtype</c> is <c>float32</c>,
/// <c>dataset</c> is <c>dotnet_docs_char</c>. <see cref="ConfigKey.All"/> is the table of all keys.
/// </remarks>
public sealed partial record TrainConfig
{
    // I/O

    /// <summary>Directory that receives checkpoints and metrics.</summary>
    public string OutDir { get; init; } = "out";
    /// <summary>Iterations between two evaluations.</summary>
    public int EvalInterval { get; init; } = 2000;
    /// <summary>Iterations between two log lines.</summary>
    public int LogInterval { get; init; } = 1;
    /// <summary>Batches averaged per split in an evaluation.</summary>
    public int EvalIters { get; init; } = 200;
    /// <summary>Stop after the first evaluation.</summary>
    public bool EvalOnly { get; init; }
    /// <summary>Save a checkpoint after every evaluation, not only after the best so far.</summary>
    public bool AlwaysSaveCheckpoint { get; init; } = true;
    /// <summary><c>scratch</c>, <c>resume</c>, the name of a GPT-2, or the folder or file of pretrained weights.</summary>
    public string InitFrom { get; init; } = "scratch";
    /// <summary>Where a GPT-2 that <see cref="InitFrom"/> names is looked for first, and downloaded to.</summary>
    public string PretrainedDir { get; init; } = "pretrained";
    /// <summary>With <c>init_from=resume</c>: <c>last</c>, <c>best</c> or the name of a checkpoint directory.</summary>
    public string ResumeFrom { get; init; } = "last";
    /// <summary>Iterations between two checkpoints; 0 saves at each evaluation.</summary>
    public int CheckpointInterval { get; init; }
    /// <summary>How many of the newest checkpoints stay beside last and best; 0 keeps only those two.</summary>
    public int KeepCheckpoints { get; init; }
    /// <summary>Length in tokens of a sample, during a run and at its end; 0 shows none at the end.</summary>
    public int SampleTokens { get; init; } = 256;
    /// <summary>Iterations between two rounds of samples during the run; 0 draws none.</summary>
    public int SampleInterval { get; init; }
    /// <summary>What samples begin with; empty means where a text begins.</summary>
    public string SamplePrompt { get; init; } = "";
    /// <summary>Samples in a round.</summary>
    public int SampleCount { get; init; } = 1;
    /// <summary>How many of the likeliest tokens a sample is drawn from; 0 is all.</summary>
    public int SampleTopK { get; init; } = 200;
    /// <summary>Iterations between two evaluations of HellaSwag; 0 does none.</summary>
    public int HellaswagInterval { get; init; }
    /// <summary>The file <c>hellaswag_val.jsonl</c>, or one like it.</summary>
    public string HellaswagPath { get; init; } = "data/hellaswag_val.jsonl";
    /// <summary>How many items of it are scored, from the beginning; 0 is all.</summary>
    public int HellaswagItems { get; init; }

    // Weights & Biases

    /// <summary>Accepted for nanoGPT's sake; metrics go to <c>metrics.jsonl</c>.</summary>
    public bool WandbLog { get; init; }
    /// <summary>Accepted for nanoGPT's sake.</summary>
    public string WandbProject { get; init; } = "owt";
    /// <summary>Accepted for nanoGPT's sake.</summary>
    public string WandbRunName { get; init; } = "gpt2";

    // Data

    /// <summary>Name of the data set, prepared under <c>data/</c>.</summary>
    public string Dataset { get; init; } = "dotnet_docs_char";
    /// <summary>Directory of the prepared data set; empty means <c>data/DATASET</c>.</summary>
    public string DataDir { get; init; } = "";
    /// <summary>Token files to train on, instead of those of a directory: a file, a folder or a pattern.</summary>
    public string TrainFiles { get; init; } = "";
    /// <summary>Token files to evaluate on; goes with <see cref="TrainFiles"/>.</summary>
    public string ValFiles { get; init; } = "";
    /// <summary>The order of loading: <c>random</c>, <c>sequential</c> or <c>document</c>.</summary>
    public string DataOrder { get; init; } = "random";
    /// <summary>Micro-batches whose gradients are averaged into one step, over all ranks.</summary>
    public int GradientAccumulationSteps { get; init; } = 5 * 8;
    /// <summary>Tokens per step, from which <see cref="GradientAccumulationSteps"/> follows; 0 leaves it as it is.</summary>
    public int TotalBatchSize { get; init; }
    /// <summary>Sequences per micro-batch (B).</summary>
    public int BatchSize { get; init; } = 12;
    /// <summary>Tokens per sequence (T).</summary>
    public int BlockSize { get; init; } = 1024;

    // Model

    /// <summary>Transformer blocks.</summary>
    public int NLayer { get; init; } = 12;
    /// <summary>Attention heads per block.</summary>
    public int NHead { get; init; } = 12;
    /// <summary>Width of the model (C).</summary>
    public int NEmbd { get; init; } = 768;
    /// <summary>Dropout probability.</summary>
    public double Dropout { get; init; }
    /// <summary>Biases in linear layers and layer norms.</summary>
    public bool Bias { get; init; }

    // AdamW

    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; init; } = 6e-4;
    /// <summary>Last iteration of the run; as in nanoGPT, iterations count from 0 to this one inclusive.</summary>
    public int MaxIters { get; init; } = 600_000;
    /// <summary>Decoupled weight decay of matrices and embeddings.</summary>
    public double WeightDecay { get; init; } = 1e-1;
    /// <summary>Decay of the first moment.</summary>
    public double Beta1 { get; init; } = 0.9;
    /// <summary>Decay of the second moment.</summary>
    public double Beta2 { get; init; } = 0.95;
    /// <summary>ε, added to the denominator of an update.</summary>
    public double AdamEps { get; init; } = 1e-8;
    /// <summary>Largest global gradient norm; 0 does not clip.</summary>
    public double GradClip { get; init; } = 1.0;
    /// <summary>Standard deviations above the recent mean from which on a loss or gradient norm makes a step an outlier, which is skipped; 0 skips none.</summary>
    public double SkipOutlierSteps { get; init; }
    /// <summary>Patterns of names of parameters that stay as they are.</summary>
    public string Frozen { get; init; } = "";

    // Learning rate schedule

    /// <summary>Warm-up and cosine decay; constant learning rate when false.</summary>
    public bool DecayLr { get; init; } = true;
    /// <summary>Iterations of linear warm-up.</summary>
    public int WarmupIters { get; init; } = 2000;
    /// <summary>Iteration at which the cosine reaches <see cref="MinLr"/>.</summary>
    public int LrDecayIters { get; init; } = 600_000;
    /// <summary>Learning rate at the end of the decay.</summary>
    public double MinLr { get; init; } = 6e-5;

    // DDP

    /// <summary>Accepted for nanoGPT's sake; ranks talk through MPI.</summary>
    public string Backend { get; init; } = "nccl";
    /// <summary>Send gradients while the way back goes on.</summary>
    public bool OverlapGradReduce { get; init; } = true;
    /// <summary>Megabytes of gradients that ranks sum at a time.</summary>
    public double GradBucketMb { get; init; } = 25;
    /// <summary>How gradients travel between ranks: <c>float32</c> or <c>bfloat16</c>.</summary>
    public string GradWireDtype { get; init; } = "float32";
    /// <summary>Share the optimizer's state among the ranks (ZeRO-1, Rajbhandari et al. 2020).</summary>
    public bool ShardOptimizer { get; init; }
    /// <summary>Seconds without a sign of life after which a rank is lost and the job ends; 0 waits for ever.</summary>
    public int Watchdog { get; init; } = 25;

    // System

    /// <summary>Only <c>cpu</c> for now.</summary>
    public string Device { get; init; } = "cpu";
    /// <summary><c>float32</c> or <c>bfloat16</c>.</summary>
    public string Dtype { get; init; } = "float32";
    /// <summary>Accepted for nanoGPT's sake; kernels are compiled ahead.</summary>
    public bool Compile { get; init; } = true;
    /// <summary>Compute each block again on the way back instead of keeping its activations: much less memory for about a third more work.</summary>
    public bool Recompute { get; init; }
    /// <summary>Worker threads of each rank; 0 shares the cores among the ranks of a host.</summary>
    public int Threads { get; init; }
    /// <summary>Key of every random number of the run.</summary>
    public int Seed { get; init; } = 1337;

    /// <summary>Whether <see cref="InitFrom"/> names pretrained weights.</summary>
    public bool IsPretrained => InitFrom is not ("scratch" or "resume");

    /// <summary>The directory with the data: that of <see cref="TrainFiles"/>, or <see cref="DataDir"/>, or <c>data/DATASET</c> where both are empty.</summary>
    public string DataDirectory =>
        TrainFiles.Length > 0 ? Directory.Exists(TrainFiles) ? TrainFiles : Path.GetDirectoryName(TrainFiles) is { Length: > 0 } folder ? folder : "."
        : DataDir.Length > 0 ? DataDir : Path.Combine("data", Dataset);

    /// <summary><see cref="DataOrder"/> as the data set knows it; for a valid configuration.</summary>
    public DataOrder Order => Enum.Parse<DataOrder>(DataOrder, ignoreCase: true);

    /// <summary>Tokens per optimizer step: gradient_accumulation_steps × batch_size × block_size.</summary>
    public long TokensPerIteration => (long)GradientAccumulationSteps * BatchSize * BlockSize;

    /// <summary>The configuration with <see cref="GradientAccumulationSteps"/> as <see cref="TotalBatchSize"/> wants it.</summary>
    public TrainConfig WithAccumulation() =>
        TotalBatchSize == 0 ? this : this with { GradientAccumulationSteps = TotalBatchSize / (BatchSize * BlockSize) };

    /// <summary>Reads config files and <c>--key=value</c> arguments, in order, over the defaults: see <see cref="ConfigArguments"/>.</summary>
    /// <exception cref="ArgumentException">An argument is not a known key or its value does not fit.</exception>
    /// <exception cref="InvalidDataException">A config file is malformed.</exception>
    /// <exception cref="FileNotFoundException">A config file does not exist.</exception>
    public static TrainConfig Parse(params IReadOnlyList<string> args) => ConfigArguments.Parse(args).ApplyTo(new TrainConfig());
}
