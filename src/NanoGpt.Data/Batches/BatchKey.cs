namespace NanoGpt.Data;

/// <summary>The name of a training batch. Equal keys draw equal batches, whatever was drawn before and on whatever rank.</summary>
/// <param name="Seed">The seed of the run.</param>
/// <param name="Split">The part of the data it is drawn from.</param>
/// <param name="Step">The step of training (nanoGPT's <c>iter_num</c>).</param>
/// <param name="MicroBatch">The index of the micro-batch within the step, counted over all ranks.</param>
/// <param name="MicroBatches">How many micro-batches a step has, counted over all ranks.</param>
public readonly record struct BatchKey(ulong Seed, Split Split, int Step, int MicroBatch, int MicroBatches = 1);
