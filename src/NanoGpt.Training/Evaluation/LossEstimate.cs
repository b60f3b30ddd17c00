using NanoGpt.Data;
using NanoGpt.Models;
using NanoGpt.Tensors;

namespace NanoGpt.Training;

/// <summary>
/// The mean loss over a number of batches that lie evenly over a split. They are the same at every evaluation, so two
/// evaluations differ by the model alone, and "best" is not a matter of luck. (nanoGPT draws random windows each time.)
/// </summary>
public sealed class LossEstimate(Gpt model, TokenDataset data, TrainConfig config, Tape tape)
{
    readonly int[] x = new int[config.BatchSize * config.BlockSize], y = new int[config.BatchSize * config.BlockSize];

    /// <summary>Mean loss over <c>eval_iters</c> batches, in nats per token.</summary>
    /// <param name="split">The part of the data.</param>
    /// <param name="progress">Hears how many batches are done.</param>
    /// <param name="stop">Stops between batches.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public double Of(Split split, Action<int> progress, CancellationToken stop)
    {
        tape.Recording = false;
        double sum = 0;
        for (int k = 0; k < config.EvalIters; k++)
        {
            stop.ThrowIfCancellationRequested();
            data.FillEvenly(split, k, config.EvalIters, config.BatchSize, config.BlockSize, x, y);
            tape.Reset();
            sum += model.Loss(tape.Tokens(x, config.BatchSize, config.BlockSize), tape.Tokens(y, config.BatchSize, config.BlockSize)).Item();
            progress(k + 1);
        }
        return sum / config.EvalIters;
    }
}
