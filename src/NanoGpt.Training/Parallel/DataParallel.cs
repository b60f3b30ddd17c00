using NanoGpt.Distributed;

namespace NanoGpt.Training;

/// <summary>
/// Data parallel training: every rank has the whole model and takes its share of a step's micro-batches; gradients are summed once,
/// after the last. Micro-batches are numbered over all ranks, so what a step sees does not depend on how many there are.
/// </summary>
public sealed class DataParallel
{
    readonly Communicator ranks;
    readonly GradientBuckets? buckets;
    PendingSum? vote;
    bool agreed;

    /// <summary>The part of a rank in a run.</summary>
    /// <exception cref="ArgumentException">The ranks cannot share the micro-batches evenly.</exception>
    public DataParallel(Communicator ranks, TrainConfig config, GradientBuckets? buckets)
    {
        config.CheckRanks(ranks.Size);
        (this.ranks, this.buckets) = (ranks, buckets);
        (First, End) = Share(config.GradientAccumulationSteps, ranks.Rank, ranks.Size);
    }

    /// <summary>The micro-batches of a step that are a rank's: from the first to the end, exclusive.</summary>
    public static (int First, int End) Share(int microBatches, int rank, int ranks) => (microBatches / ranks * rank, microBatches / ranks * (rank + 1));

    /// <summary>The first micro-batch of a step that is this rank's.</summary>
    public int First { get; }

    /// <summary>The first that is not any more.</summary>
    public int End { get; }

    /// <summary>
    /// Before a micro-batch: whether the step is to be given up, since some rank was asked to stop. The ranks agree before the last of
    /// their micro-batches; the vote is cast one earlier, so that nobody has to wait for it.
    /// </summary>
    public bool StopsBefore(int micro, int iteration, CancellationToken stop)
    {
        ranks.Report(iteration, "training");
        bool asked = stop.IsCancellationRequested;      // once: who votes "go on" and then waits as one who was asked would vote again, and nobody else
        if (ranks.Size == 1) return asked;
        bool last = micro == End - 1;
        buckets!.Begin(last);
        if (End - First == 1) return false;         // the vote at the end of the step before has just been
        if (vote is null && (micro == End - 2 || asked)) vote = ranks.StartSum(asked ? 1 : 0, "whether to stop within the step");
        if (vote is null || !last && !asked) return false;
        agreed = vote.Wait() > 0;
        vote = null;
        return agreed;
    }

    /// <summary>After the last micro-batch: sums the gradients over the ranks, and returns the sum of what each gives for the loss.</summary>
    public double Complete(double loss, CancellationToken stop)
    {
        buckets?.Complete();
        Span<double> sums = [loss, stop.IsCancellationRequested ? 1 : 0];
        ranks.AllReduceSum(sums, "the loss of a step");
        agreed = sums[1] > 0;
        return sums[0];
    }

    /// <summary>After an update: where each rank has updated its part of the weights, all get all.</summary>
    public void ShareUpdate()
    {
        if (buckets is { Sharded: true }) buckets.GatherValues();
    }

    /// <summary>Lets the ranks agree whether to stop, where they have not just done so.</summary>
    public void Agree(CancellationToken stop)
    {
        Span<double> votes = [stop.IsCancellationRequested ? 1 : 0];
        ranks.AllReduceSum(votes, "whether to stop");
        agreed = votes[0] > 0;
    }

    /// <summary>Stops, on all ranks together, if they have agreed to.</summary>
    /// <exception cref="OperationCanceledException">They have.</exception>
    public void ThrowIfStopAgreed(CancellationToken stop)
    {
        if (ranks.Size == 1) stop.ThrowIfCancellationRequested();
        if (agreed) throw new OperationCanceledException();
    }
}
