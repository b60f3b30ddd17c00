namespace NanoGpt.Training;

public sealed partial class ConfigKey
{
    /// <summary>Every key, in the order of nanoGPT's train.py.</summary>
    public static IReadOnlyList<ConfigKey> All { get; } =
    [
        .. In("I/O",
            Text("out_dir", c => c.OutDir, (c, v) => c with { OutDir = v }, "directory for checkpoints and metrics.jsonl"),
            Integer("eval_interval", c => c.EvalInterval, (c, v) => c with { EvalInterval = v }, "iterations between evaluations"),
            Integer("log_interval", c => c.LogInterval, (c, v) => c with { LogInterval = v }, "iterations between log lines"),
            Integer("eval_iters", c => c.EvalIters, (c, v) => c with { EvalIters = v }, "batches averaged per split in an evaluation"),
            Boolean("eval_only", c => c.EvalOnly, (c, v) => c with { EvalOnly = v }, "stop after the first evaluation"),
            Boolean("always_save_checkpoint", c => c.AlwaysSaveCheckpoint, (c, v) => c with { AlwaysSaveCheckpoint = v }, "save after every evaluation, not only after the best so far"),
            Text("init_from", c => c.InitFrom, (c, v) => c with { InitFrom = v }, "'scratch', or 'resume' to continue the run in out_dir"),
            Text("resume_from", c => c.ResumeFrom, (c, v) => c with { ResumeFrom = v }, "checkpoint to resume: 'last', 'best' or a name in out_dir/checkpoints"),
            Integer("checkpoint_interval", c => c.CheckpointInterval, (c, v) => c with { CheckpointInterval = v }, "iterations between checkpoints; 0: at each evaluation"),
            Integer("keep_checkpoints", c => c.KeepCheckpoints, (c, v) => c with { KeepCheckpoints = v }, "keep this many of the newest checkpoints; 0: only last and best"),
            Integer("sample_tokens", c => c.SampleTokens, (c, v) => c with { SampleTokens = v }, "length of the sample shown at the end, in tokens; 0: none")),
        .. In("wandb logging",
            Boolean("wandb_log", c => c.WandbLog, (c, v) => c with { WandbLog = v }, "accepted, ignored: metrics go to metrics.jsonl in out_dir"),
            Text("wandb_project", c => c.WandbProject, (c, v) => c with { WandbProject = v }, "accepted, ignored"),
            Text("wandb_run_name", c => c.WandbRunName, (c, v) => c with { WandbRunName = v }, "accepted, ignored")),
        .. In("data",
            Text("dataset", c => c.Dataset, (c, v) => c with { Dataset = v }, "name of the data set; prepared first if it is not"),
            Text("data_dir", c => c.DataDir, (c, v) => c with { DataDir = v }, "directory of the prepared data set; empty: data/DATASET"),
            Integer("gradient_accumulation_steps", c => c.GradientAccumulationSteps, (c, v) => c with { GradientAccumulationSteps = v }, "micro-batches per step, to simulate larger batches"),
            Integer("batch_size", c => c.BatchSize, (c, v) => c with { BatchSize = v }, "sequences per micro-batch"),
            Integer("block_size", c => c.BlockSize, (c, v) => c with { BlockSize = v }, "tokens per sequence: the context length")),
        .. In("model",
            Integer("n_layer", c => c.NLayer, (c, v) => c with { NLayer = v }, "transformer blocks"),
            Integer("n_head", c => c.NHead, (c, v) => c with { NHead = v }, "attention heads per block; must divide n_embd"),
            Integer("n_embd", c => c.NEmbd, (c, v) => c with { NEmbd = v }, "width of the model"),
            Number("dropout", c => c.Dropout, (c, v) => c with { Dropout = v }, "dropout probability; 0 for pretraining, 0.1+ for small data"),
            Boolean("bias", c => c.Bias, (c, v) => c with { Bias = v }, "biases in linear layers and layer norms")),
        .. In("AdamW",
            Number("learning_rate", c => c.LearningRate, (c, v) => c with { LearningRate = v }, "peak learning rate"),
            Integer("max_iters", c => c.MaxIters, (c, v) => c with { MaxIters = v }, "last iteration, counted from 0"),
            Number("weight_decay", c => c.WeightDecay, (c, v) => c with { WeightDecay = v }, "decoupled decay of matrices and embeddings"),
            Number("beta1", c => c.Beta1, (c, v) => c with { Beta1 = v }, "decay of the first moment"),
            Number("beta2", c => c.Beta2, (c, v) => c with { Beta2 = v }, "decay of the second moment"),
            Number("grad_clip", c => c.GradClip, (c, v) => c with { GradClip = v }, "clip gradients at this global norm; 0: do not")),
        .. In("learning rate schedule",
            Boolean("decay_lr", c => c.DecayLr, (c, v) => c with { DecayLr = v }, "warm up, then decay by a cosine; False: constant"),
            Integer("warmup_iters", c => c.WarmupIters, (c, v) => c with { WarmupIters = v }, "iterations of linear warm-up"),
            Integer("lr_decay_iters", c => c.LrDecayIters, (c, v) => c with { LrDecayIters = v }, "iteration at which min_lr is reached; usually max_iters"),
            Number("min_lr", c => c.MinLr, (c, v) => c with { MinLr = v }, "learning rate after the decay; usually learning_rate/10")),
        .. In("DDP",
            Text("backend", c => c.Backend, (c, v) => c with { Backend = v }, "accepted, ignored: a run is one process")),
        .. In("system",
            Text("device", c => c.Device, (c, v) => c with { Device = v }, "'cpu'"),
            Text("dtype", c => c.Dtype, (c, v) => c with { Dtype = v }, "'float32' or 'bfloat16'"),
            Boolean("compile", c => c.Compile, (c, v) => c with { Compile = v }, "accepted, ignored: kernels are compiled already"),
            Integer("threads", c => c.Threads, (c, v) => c with { Threads = v }, "worker threads; 0: every core"),
            Integer("seed", c => c.Seed, (c, v) => c with { Seed = v }, "key of every random number of the run")),
    ];

    static readonly Dictionary<string, ConfigKey> byName = All.ToDictionary(key => key.Name);
}
