namespace NanoGpt.Tensors;

/// <summary>
/// Names one random mask: the run's seed, the step (in device memory, since it changes from step to step) and which of the
/// step's random operations it is. Two words at <paramref name="Step"/>: the iteration and the micro-batch within it.
/// </summary>
public readonly record struct RandomKey(ulong Seed, Storage Step, uint Operation);
