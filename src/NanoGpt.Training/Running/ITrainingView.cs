namespace NanoGpt.Training;

/// <summary>One optimizer step, done.</summary>
/// <param name="Iteration">Its number.</param>
/// <param name="Loss">Mean loss over all its micro-batches, in nats per token.</param>
/// <param name="LearningRate">Its learning rate.</param>
/// <param name="GradientNorm">Global norm of the gradient before clipping.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="TokensPerSecond">Its throughput.</param>
/// <param name="PeakFraction">Its floating-point rate (6N + 12·L·C·T per token) over the machine's measured peak.</param>
/// <param name="Waiting">The share of it that rank 0 waited for other ranks; null in a single process.</param>
public readonly record struct StepReport(int Iteration, double Loss, double LearningRate, double GradientNorm,
    double Seconds, double TokensPerSecond, double PeakFraction, double? Waiting = null);

/// <summary>One evaluation, done.</summary>
/// <param name="Iteration">Optimizer steps before it.</param>
/// <param name="TrainLoss">Mean loss on the training split, in nats per token.</param>
/// <param name="ValLoss">Mean loss on the validation split, in nats per token.</param>
/// <param name="IsBest">Whether it is the best so far.</param>
public readonly record struct EvaluationReport(int Iteration, double TrainLoss, double ValLoss, bool IsBest);

/// <summary>A step whose update was skipped: its loss or its gradient norm is an outlier.</summary>
/// <param name="Iteration">Its number.</param>
/// <param name="Loss">Its loss, in nats per token.</param>
/// <param name="LossScore">How far that is from the recent ones, in standard deviations.</param>
/// <param name="GradientNorm">Its gradient norm.</param>
/// <param name="NormScore">How far that is from the recent ones, in standard deviations.</param>
public readonly record struct SkipReport(int Iteration, double Loss, double LossScore, double GradientNorm, double NormScore);

/// <summary>HellaSwag, scored.</summary>
/// <param name="Iteration">Optimizer steps before it.</param>
/// <param name="Right">Items whose likeliest ending is right.</param>
/// <param name="RightPerToken">Items of which the ending that is likeliest per token is right.</param>
/// <param name="Items">All items.</param>
public readonly record struct HellaSwagReport(int Iteration, int Right, int RightPerToken, int Items);

/// <summary>A text that the model wrote during the run.</summary>
/// <param name="Iteration">Optimizer steps before it.</param>
/// <param name="Sample">Which of the texts of this iteration it is.</param>
/// <param name="Text">The text, prompt included.</param>
public readonly record struct SampleReport(int Iteration, int Sample, string Text);

/// <summary>Who watches a run: a live view in a terminal, plain lines in a pipe, a recorder in a test.</summary>
public interface ITrainingView
{
    /// <summary>A step is done. Called for every step; <c>log_interval</c> is the view's business.</summary>
    void Stepped(StepReport step);

    /// <summary>An evaluation is under way: so many of its batches, or of HellaSwag's items, are done.</summary>
    void Evaluating(int iteration, int done, int total);

    /// <summary>An evaluation is done.</summary>
    void Evaluated(EvaluationReport evaluation);

    /// <summary>The update of a step was skipped.</summary>
    void Skipped(SkipReport skip);

    /// <summary>HellaSwag was scored.</summary>
    void ScoredHellaSwag(HellaSwagReport report);

    /// <summary>The model wrote a text.</summary>
    void Sampled(SampleReport sample);

    /// <summary>A checkpoint is on disk.</summary>
    void Saved(Checkpoint checkpoint);
}
