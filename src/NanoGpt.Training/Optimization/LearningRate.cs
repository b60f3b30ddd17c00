namespace NanoGpt.Training;

/// <summary>
/// Linear warm-up, then a cosine down to the minimum, then the minimum (nanoGPT's get_lr).
/// <code>
/// i &lt; warmup:   lr · (i + 1) / (warmup + 1)
/// i &gt; decay:    min
/// else:         min + (lr - min) · (1 + cos(π · (i - warmup) / (decay - warmup))) / 2
/// </code>
/// </summary>
public static class LearningRate
{
    /// <summary>The learning rate of an iteration.</summary>
    public static double At(int iteration, TrainConfig config)
    {
        if (!config.DecayLr) return config.LearningRate;
        if (iteration < config.WarmupIters) return config.LearningRate * (iteration + 1) / (config.WarmupIters + 1.0);
        if (iteration > config.LrDecayIters) return config.MinLr;
        double progress = (double)(iteration - config.WarmupIters) / Math.Max(1, config.LrDecayIters - config.WarmupIters);
        return config.MinLr + (config.LearningRate - config.MinLr) * 0.5 * (1 + Math.Cos(Math.PI * progress));
    }
}
