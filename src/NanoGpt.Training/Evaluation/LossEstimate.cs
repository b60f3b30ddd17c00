using NanoGpt.Data;
using NanoGpt.Distributed;
using NanoGpt.Models;
using NanoGpt.Tensors;

namespace NanoGpt.Training;

/// <summary>
/// The mean loss over a number of batches that lie evenly over a split. They are the same at every evaluation, so two
/// evaluations differ by the model alone, and "best" is not a matter of luck. (nanoGPT draws random windows each time.)
/// The ranks share the batches; the losses are summed in the order of the batches, so the number of ranks changes no bit.
/// </summary>
public sealed class LossEstimate(Gpt model, TokenDataset data, TrainConfig config, Tape tape, Communicator ranks)
{
    readonly int[] x = new int[config.BatchSize * config.BlockSize], y = new int[config.BatchSize * config.BlockSize];

    /// <summary>Mean loss over <c>eval_iters</c> batches, in nats per token; the same on every rank.</summary>
    /// <param name="iteration">Where the run is.</param>
    /// <param name="split">The part of the data.</param>
    /// <param name="progress">Hears how many batches are done.</param>
    /// <param name="stop">Stops between batches.</param>
    /// <exception cref="OperationCanceledException">Some rank was asked to stop; thrown on all of them.</exception>
    public double Of(int iteration, Split split, Action<int> progress, CancellationToken stop)
    {
        tape.Recording = false;
        var losses = new double[config.EvalIters + 1];      // each has one rank that knows it, and zeros; the last: who was stopped
        for (int k = ranks.Rank; k < config.EvalIters && !stop.IsCancellationRequested; k += ranks.Size)
        {
            ranks.Report(iteration, "evaluating");
            data.FillEvenly(split, k, config.EvalIters, config.BatchSize, config.BlockSize, x, y);
            tape.Reset();
            losses[k] = model.Loss(tape.Tokens(x, config.BatchSize, config.BlockSize), tape.Tokens(y, config.BatchSize, config.BlockSize)).Item();
            progress(Math.Min(k + ranks.Size, config.EvalIters));
        }
        losses[^1] = stop.IsCancellationRequested ? 1 : 0;
        ranks.AllReduceSum(losses, "the losses of an evaluation");
        if (losses[^1] > 0) throw new OperationCanceledException(stop);
        return losses[..^1].Sum() / config.EvalIters;
    }
}
