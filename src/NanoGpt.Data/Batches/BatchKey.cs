namespace NanoGpt.Data;

/// <summary>What a batch is for. Each purpose draws its own random numbers, so evaluating more or less often changes no training batch.</summary>
public enum BatchPurpose
{
    /// <summary>Batches that are learned from.</summary>
    Training,

    /// <summary>Batches over which a loss is estimated.</summary>
    Evaluation,
}

/// <summary>The name of a batch. Equal keys draw equal batches, whatever was drawn before and on whatever rank.</summary>
/// <param name="Seed">The seed of the run.</param>
/// <param name="Purpose">What the batch is for.</param>
/// <param name="Split">The part of the data it is drawn from.</param>
/// <param name="Step">The step of training (nanoGPT's <c>iter_num</c>).</param>
/// <param name="MicroBatch">The index of the micro-batch within the step, counted over all ranks.</param>
public readonly record struct BatchKey(ulong Seed, BatchPurpose Purpose, Split Split, int Step, int MicroBatch);
