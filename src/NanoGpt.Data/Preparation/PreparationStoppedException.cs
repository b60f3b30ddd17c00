namespace NanoGpt.Data;

/// <summary>A preparation was stopped, and what is complete of it was kept.</summary>
/// <param name="shards">How many training shards are.</param>
public sealed class PreparationStoppedException(int shards)
    : OperationCanceledException($"stopped; the same command goes on after {(shards == 1 ? "the training shard that is" : $"the {shards} training shards that are")} complete.");
