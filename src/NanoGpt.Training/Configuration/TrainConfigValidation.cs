namespace NanoGpt.Training;

public sealed partial record TrainConfig
{
    /// <summary>Checks that the values make a run that can be done.</summary>
    /// <exception cref="ArgumentException">One does not: the message is a sentence with the key, the fault and a way out.</exception>
    public void Validate()
    {
        if (FirstFault() is { } fault)
            throw new ArgumentException(fault);
    }

    /// <summary>Checks that so many ranks can share the micro-batches of a step evenly.</summary>
    /// <exception cref="ArgumentException">They cannot: the message is a sentence with the nearest numbers that they can.</exception>
    public void CheckRanks(int ranks)
    {
        if (GradientAccumulationSteps % ranks == 0) return;
        int below = GradientAccumulationSteps / ranks * ranks, above = below + ranks;
        long micro = (long)BatchSize * BlockSize;
        throw new ArgumentException(TotalBatchSize > 0
            ? $"total_batch_size ({TotalBatchSize}) makes {GradientAccumulationSteps} micro-batches of {micro} tokens, which {ranks} ranks cannot share evenly; " +
              $"the nearest that works is {(below == 0 ? above * micro : $"{below * micro} or {above * micro}")}, or give a smaller --batch_size."
            : $"gradient_accumulation_steps ({GradientAccumulationSteps}) counts the micro-batches of a step over all ranks, and {ranks} ranks cannot share them evenly; " +
              $"give --gradient_accumulation_steps={(below == 0 ? above : $"{below} or {above}")}, or another number of ranks.");
    }

    string? FirstFault()
    {
        foreach (string name in (string[])["eval_interval", "log_interval", "eval_iters", "gradient_accumulation_steps", "batch_size", "block_size", "n_layer", "n_head", "n_embd", "sample_count"])
            if (ValueOf(name) < 1)
                return $"{name} must be at least 1, got {Show(name)}.";
        foreach (string name in (string[])["max_iters", "warmup_iters", "lr_decay_iters", "learning_rate", "min_lr", "weight_decay", "grad_clip", "checkpoint_interval", "keep_checkpoints", "sample_tokens", "sample_interval", "sample_top_k", "hellaswag_interval", "hellaswag_items", "total_batch_size", "skip_outlier_steps", "threads", "watchdog"])
            if (!(ValueOf(name) >= 0) || double.IsInfinity(ValueOf(name)))
                return $"{name} must not be negative, got {Show(name)}.";
        foreach (string name in (string[])["dropout", "beta1", "beta2"])
            if (ValueOf(name) is not (>= 0 and < 1))
                return $"{name} must be at least 0 and below 1, got {Show(name)}.";
        foreach (string name in (string[])["out_dir", "dataset", "resume_from", "pretrained_dir"])
            if (string.IsNullOrWhiteSpace(Show(name).Trim('\'')))
                return $"{name} is empty; leave it out for the default, {ConfigKey.Find(name)!.Format(new TrainConfig())}.";
        if (NEmbd % NHead != 0)
            return $"n_embd ({NEmbd}) is not divisible by n_head ({NHead}); the nearest that divides it is n_head={NearestDivisor(NEmbd, NHead)}.";
        if (TotalBatchSize % ((long)BatchSize * BlockSize) != 0)
            return SplitFault();
        if (!(AdamEps > 0) || double.IsInfinity(AdamEps))
            return $"adam_eps must be above 0, got {Show("adam_eps")}.";
        if (SkipOutlierSteps >= OutlierSteps.LargestScore)
            return $"skip_outlier_steps must be below {OutlierSteps.LargestScore:0.0}, the largest score there can be, got {Show("skip_outlier_steps")}; 5 is a good value.";
        if (SampleInterval > 0 && SampleTokens == 0)
            return "sample_interval needs samples of at least one token; give --sample_tokens=100, or leave sample_interval out.";
        if (IsPretrained && PretrainedModels.Fault(InitFrom, "'scratch', 'resume'") is { } missing)
            return missing;
        if (DataOrder is not ("random" or "sequential" or "document"))
            return $"data_order must be 'random', 'sequential' or 'document', got '{DataOrder}'.";
        if (TrainFiles.Length > 0 != ValFiles.Length > 0)
            return $"{(TrainFiles.Length > 0 ? "train_files needs val_files" : "val_files needs train_files")} beside it; give both, or neither and data_dir.";
        if (Device != "cpu")
            return $"device='{Device}': only 'cpu' exists for now; leave the key out or give --device=cpu.";
        if (Dtype is not ("float32" or "bfloat16"))
            return $"dtype must be 'float32' or 'bfloat16', got '{Dtype}'.";
        if (GradWireDtype is not ("float32" or "bfloat16"))
            return $"grad_wire_dtype must be 'float32' or 'bfloat16', got '{GradWireDtype}'.";
        if (GradBucketMb is not (> 0 and <= 2000))       // MPI counts bytes in 31 bits
            return $"grad_bucket_mb must be above 0 and at most 2000, got {Show("grad_bucket_mb")}; 25 is a good value.";
        // nanoGPT divides by zero here, but only when it gets there.
        if (DecayLr && LrDecayIters == WarmupIters && MaxIters >= WarmupIters)
            return $"lr_decay_iters ({LrDecayIters}) equals warmup_iters, which leaves no room for the decay; make warmup_iters smaller, usually 100 or more below it, or give --decay_lr=False.";
        return null;
    }

    /// <summary>The sentence for a step that is not a whole number of micro-batches, with the nearest that are.</summary>
    string SplitFault()
    {
        long micro = (long)BatchSize * BlockSize, below = TotalBatchSize / micro * micro;
        string totals = below == 0 ? $"the nearest that does is {micro}" : $"the nearest that do are {below} and {below + micro}";
        string batch = TotalBatchSize % BlockSize == 0 ? $", or give --batch_size={NearestDivisor(TotalBatchSize / BlockSize, BatchSize)}" : "";
        return $"total_batch_size ({TotalBatchSize}) does not split into micro-batches of {BatchSize} batch_size × {BlockSize} block_size = {micro} tokens; {totals}{batch}.";
    }

    double ValueOf(string name) => ConfigKey.Find(name)!.Get(this) is int integer ? integer : (double)ConfigKey.Find(name)!.Get(this);

    string Show(string name) => ConfigKey.Find(name)!.Format(this);

    static int NearestDivisor(int number, int wanted) =>
        Enumerable.Range(1, number).Where(d => number % d == 0).MinBy(d => Math.Abs((long)d - wanted));
}
