namespace NanoGpt.Training;

/// <summary>How a run ended.</summary>
/// <param name="Iteration">The next iteration, were it to go on.</param>
/// <param name="ValLoss">The last validation loss, in nats per token; NaN where there was no evaluation.</param>
/// <param name="BestValLoss">The best validation loss, in nats per token.</param>
/// <param name="TokensPerSecond">Median throughput of the latest thousand steps of this process.</param>
/// <param name="Stopped">Whether it was asked to stop before its end.</param>
public readonly record struct TrainingResult(int Iteration, double ValLoss, double BestValLoss, double TokensPerSecond, bool Stopped);

/// <summary>The loss or the gradient is not a number any more: going on would destroy the model.</summary>
public sealed class TrainingDivergedException(string message) : Exception(message);
