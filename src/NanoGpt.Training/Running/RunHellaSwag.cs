using NanoGpt.Data;

namespace NanoGpt.Training;

/// <summary>
/// The keys <c>hellaswag_…</c>: HellaSwag every so many iterations, as build-nanogpt has it, shown and logged. It comes after the
/// checkpoint of its iteration; a run resumed from there scores again, with the same result.
/// </summary>
public sealed class RunHellaSwag(TrainingRun run, ITrainingView view, MetricsLog log)
{
    readonly HellaSwag? tasks = run.HellaSwag;

    /// <summary>The items that a run is to score, checked; null where it is to score none.</summary>
    /// <exception cref="ArgumentException">The tokens of the data are not GPT-2's.</exception>
    /// <exception cref="IOException">There is no such file, or it cannot be read.</exception>
    /// <exception cref="InvalidDataException">A line is no item, or is too long for the model.</exception>
    public static HellaSwag? Load(TrainConfig config, TokenDataset data)
    {
        if (config.HellaswagInterval == 0 || config.EvalOnly) return null;
        const string without = "give --hellaswag_interval=0 to train without HellaSwag";
        if (data.Tokenizer is { } tokenizer && tokenizer.Hash != BpeTokenizer.Gpt2.Hash)
            throw new ArgumentException($"hellaswag_interval: HellaSwag is scored in GPT-2's tokens, but those in {data.Directory} are of the tokenizer '{tokenizer.Name}'; {without}.");
        if (!File.Exists(config.HellaswagPath))
            throw new FileNotFoundException($"hellaswag_path: there is no file '{config.HellaswagPath}'; put hellaswag_val.jsonl there, name another with --hellaswag_path, or {without}.", config.HellaswagPath);
        var tasks = HellaSwag.Load(config.HellaswagPath, BpeTokenizer.Gpt2, config.HellaswagItems);
        tasks.CheckBlockSize(config.BlockSize);
        return tasks;
    }

    /// <summary>Whether HellaSwag is scored in an iteration.</summary>
    public bool IsDue(int iteration) => tasks is not null && (iteration % run.Config.HellaswagInterval == 0 || iteration == run.Config.MaxIters);

    /// <summary>Scores all items; the ranks share them.</summary>
    /// <exception cref="OperationCanceledException">Some rank was asked to stop; thrown on all of them, and nothing is logged.</exception>
    public void Score(int iteration, CancellationToken stop)
    {
        int right = 0, rightPerToken = 0, done = 0;
        foreach (HellaSwagResult result in tasks!.Score(run.Model, run.Tape, new HashSet<int>(), run.Ranks, stop))
        {
            if (result.Right) right++;
            if (result.RightPerToken) rightPerToken++;
            view.Evaluating(iteration, ++done, tasks.Items.Count);
        }
        log.HellaSwag(iteration, (double)right / done, (double)rightPerToken / done, done);
        view.ScoredHellaSwag(new(iteration, right, rightPerToken, done));
    }
}
