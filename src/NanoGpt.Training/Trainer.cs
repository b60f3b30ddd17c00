using System.Diagnostics;
using NanoGpt.Data;
using NanoGpt.Distributed;
using NanoGpt.Models;
using NanoGpt.Tensors;

namespace NanoGpt.Training;

/// <summary>
/// The training loop, in the order in which things happen: evaluate, save and write some text now and then; for each step
/// take its micro-batches forward and backward, clip, update; report. Iterations are numbered as nanoGPT numbers them: iteration N
/// evaluates the model after N steps, then does step N; the last is <c>max_iters</c>. Several ranks do all this side by side, each with its
/// share of the micro-batches; rank 0 alone saves and writes text.
/// </summary>
public sealed class Trainer(TrainingRun run, ITrainingView view, MetricsLog log)
{
    const int LatestRates = 1000;

    readonly TrainConfig config = run.Config;
    readonly Gpt model = run.Model;
    readonly ParameterStore weights = run.Weights;
    readonly AdamW optimizer = run.Optimizer;
    readonly Tape tape = run.Tape;
    readonly Communicator ranks = run.Ranks;
    readonly DataParallel parallel = new(run.Ranks, run.Config, run.Buckets);
    readonly WeightAgreement agreement = new(run.Ranks, run.Weights);
    readonly LossEstimate estimate = new(run.Model, run.Data, run.Config, run.Tape, run.Ranks);
    readonly RunSamples samples = new(run, view);
    readonly RunHellaSwag hellaswag = new(run, view, log);
    readonly int[] x = new int[run.Config.BatchSize * run.Config.BlockSize], y = new int[run.Config.BatchSize * run.Config.BlockSize];
    readonly Queue<double> rates = new(LatestRates);

    double bestValLoss = run.BestValLoss, valLoss = double.NaN, norm = double.NaN;
    int saved = run.Iteration;      // the iteration that the newest checkpoint holds

    /// <summary>Runs to <c>max_iters</c>, or until asked to stop; then what was reached is saved.</summary>
    /// <exception cref="TrainingDivergedException">The loss or the gradient norm is NaN or infinite; the last good checkpoint is kept.</exception>
    /// <exception cref="InvalidDataException">The weights of a rank are no longer those of the others; nothing of them is saved.</exception>
    /// <exception cref="IOException">A checkpoint cannot be written.</exception>
    public TrainingResult Run(CancellationToken stop)
    {
        int iteration = run.Iteration;
        try
        {
            if (config.EvalOnly)
            {
                Evaluate(iteration, stop);
                return Result(iteration, stopped: false);
            }
            for (; iteration <= config.MaxIters; iteration++)
            {
                parallel.ThrowIfStopAgreed(stop);
                if (IsEvaluation(iteration))
                {
                    bool best = Evaluate(iteration, stop);
                    bool due = best || config.AlwaysSaveCheckpoint && config.CheckpointInterval == 0 && iteration > saved;
                    if (due && iteration > 0) Save(iteration, best);
                }
                if (config.CheckpointInterval > 0 && iteration > saved && iteration % config.CheckpointInterval == 0) Save(iteration, best: false);
                if (samples.IsDue(iteration))
                {
                    if (ranks.IsFirst) samples.Write(iteration, stop);
                    parallel.Agree(stop);
                    parallel.ThrowIfStopAgreed(stop);
                }
                if (hellaswag.IsDue(iteration)) hellaswag.Score(iteration, stop);

                Step(iteration, stop);
            }
        }
        catch (OperationCanceledException)
        {
            if (iteration > saved && !config.EvalOnly) Save(iteration, best: false);
            return Result(iteration, stopped: true);
        }
        if (iteration > saved) Save(iteration, best: false);
        return Result(iteration, stopped: false);
    }

    /// <summary>One optimizer step.</summary>
    /// <exception cref="OperationCanceledException">It was given up, on all ranks; the weights are as they were.</exception>
    void Step(int iteration, CancellationToken stop)
    {
        long start = Stopwatch.GetTimestamp();
        var waited = ranks.Waited;
        int microBatches = config.GradientAccumulationSteps;
        double loss = 0;
        weights.ZeroGrad();
        for (int micro = parallel.First; micro < parallel.End; micro++)
        {
            if (parallel.StopsBefore(micro, iteration, stop)) throw new OperationCanceledException(stop);
            if (config.Order == DataOrder.Document) ranks.Report(iteration, "looking for documents", patience: 20);      // once a shard, through all of it
            run.Data.Fill(new BatchKey((ulong)config.Seed, Split.Train, iteration, micro, microBatches), config.BatchSize, config.BlockSize, x, y, config.Order);
            tape.Recording = true;
            tape.LossScale = 1f / microBatches;
            tape.Reset(iteration, micro);
            var microLoss = model.Loss(tape.Tokens(x, config.BatchSize, config.BlockSize), tape.Tokens(y, config.BatchSize, config.BlockSize));
            tape.Backward(microLoss);
            loss += microLoss.Item() / microBatches;
        }
        loss = parallel.Complete(loss, stop);
        norm = optimizer.GradientNorm();
        double learningRate = LearningRate.At(iteration, config);
        if (!double.IsFinite(loss) || !double.IsFinite(norm)) throw Diverged(iteration, $"loss {loss}");
        bool outlier = run.Outliers.Judge(loss, norm);
        if (outlier) optimizer.Skip();
        else optimizer.Step(learningRate, norm);
        parallel.ShareUpdate();

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds, rate = config.TokensPerIteration / seconds;
        if (rates.Count == LatestRates) rates.Dequeue();
        rates.Enqueue(rate);
        double peakFraction = rate * model.Config.FlopsPerToken(config.BlockSize) / (run.PeakFlops * ranks.Size);
        double? waiting = ranks.Size == 1 ? null : (ranks.Waited - waited).TotalSeconds / seconds;
        view.Stepped(new(iteration, loss, learningRate, norm, seconds, rate, peakFraction, waiting));
        if (iteration % config.LogInterval == 0) log.Training(iteration, loss, learningRate, norm, rate, seconds * 1000, waiting);
        if (!outlier) return;
        view.Skipped(new(iteration, loss, run.Outliers.LossScore, norm, run.Outliers.NormScore));
        log.Skipped(iteration, run.Outliers.LossScore, run.Outliers.NormScore);
    }

    /// <summary>Whether an iteration begins with an evaluation. One that a resumed run has behind it is not done again.</summary>
    bool IsEvaluation(int iteration) =>
        (iteration % config.EvalInterval == 0 || iteration == config.MaxIters) && log.LastEvaluation != iteration;

    /// <summary>Evaluates; returns whether the model is the best so far.</summary>
    bool Evaluate(int iteration, CancellationToken stop)
    {
        agreement.Check(iteration);
        double trainLoss = estimate.Of(iteration, Split.Train, done => view.Evaluating(iteration, done, 2 * config.EvalIters), stop);
        valLoss = estimate.Of(iteration, Split.Val, done => view.Evaluating(iteration, config.EvalIters + done, 2 * config.EvalIters), stop);
        if (!double.IsFinite(trainLoss + valLoss)) throw Diverged(iteration, $"train loss {trainLoss}, val loss {valLoss}");
        bool best = valLoss < bestValLoss;
        bestValLoss = Math.Min(bestValLoss, valLoss);
        log.Evaluation(iteration, trainLoss, valLoss);
        run.MeasurePeak();
        view.Evaluated(new(iteration, trainLoss, valLoss, best));
        return best;
    }

    /// <summary>Saves, unless the last update has destroyed the weights or they are not the same on all ranks: a good checkpoint is never replaced by a bad one.</summary>
    void Save(int iteration, bool best)
    {
        agreement.Check(iteration);
        if (!double.IsFinite(optimizer.WeightNorm())) throw Diverged(iteration, "weights that are not finite");
        if (run.Save(iteration, bestValLoss, best) is { } checkpoint) view.Saved(checkpoint);
        saved = iteration;
    }

    TrainingResult Result(int iteration, bool stopped)
    {
        double[] sorted = [.. rates.Order()];
        return new(iteration, valLoss, bestValLoss, sorted.Length == 0 ? 0 : sorted[sorted.Length / 2], stopped);
    }

    TrainingDivergedException Diverged(int iteration, string what) => new(
        $"The run diverged at iteration {iteration}: {what}, gradient norm {norm}, learning rate {LearningRate.At(iteration, config):g4}; " +
        (saved > 0 ? $"the checkpoint of iteration {saved} is kept: resume it" : "there is no checkpoint yet: start again") +
        " with a lower --learning_rate (or a longer --warmup_iters, or --grad_clip=1.0).");
}
