using System.CommandLine;
using NanoGpt.Distributed;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary>The options that say which model: of a run, or pretrained.</summary>
/// <param name="dataDir">What <c>--data_dir</c> is for.</param>
sealed class ModelOptions(string dataDir)
{
    readonly Option<string> outDir = PythonOption.Text("--out_dir", "out", "the folder of the run");
    readonly Option<string?> checkpoint = new("--checkpoint") { Description = "best, last or a name in out_dir/checkpoints [default: best, or last where none is best]", HelpName = "NAME" };
    readonly Option<string> initFrom = PythonOption.Text("--init_from", "resume", "resume: the run in out_dir; or gpt2, gpt2-medium, gpt2-large, gpt2-xl, or the path of pretrained weights");
    readonly Option<string> pretrainedDir = PythonOption.Text("--pretrained_dir", "pretrained", "the folder in which a named GPT-2 is looked for first, and downloaded to");
    readonly Option<int> threads = PythonOption.Integer("--threads", 0, "worker threads; 0: every core", least: 0);

    /// <summary>The data set, where one is named.</summary>
    public Option<string?> DataDir { get; } = new("--data_dir") { Description = dataDir, HelpName = "DIR" };

    public IReadOnlyList<Option> All => [outDir, checkpoint, initFrom, pretrainedDir, DataDir, threads];

    /// <summary>The folder of the run; null where the model is pretrained.</summary>
    public string? Run(ParseResult result) => result.GetValue(initFrom) == "resume" ? result.GetValue(outDir) : null;

    /// <summary>Threads to compute with; 0 is all.</summary>
    public int Threads(ParseResult result) => result.GetValue(threads);

    /// <summary>Reads the model into memory; weights that are not on this machine are downloaded first.</summary>
    public TrainedModel Open(ParseResult result, Communicator? ranks = null)
    {
        ranks ??= new SingleProcess();
        ranks.Report(-1, "looking for the model", patience: 1000);      // it may have to be downloaded
        var source = ranks.FirstThenOthers(() => Find(result), "the model that rank 0 finds");
        ranks.Report(-1, "reading the model", patience: 20);
        var model = new TrainedModel(source, RankThreads.Of(Threads(result), ranks));
        ranks.ShareProgress(() => model.WorkDone);
        return model;
    }

    /// <summary>Finds the model; weights that are not on this machine are downloaded first.</summary>
    public StoredModel Find(ParseResult result)
    {
        string from = result.GetValue(initFrom)!;
        string? data = result.GetValue(DataDir);
        return from switch
        {
            "resume" => StoredModel.OfRun(result.GetValue(outDir)!, result.GetValue(checkpoint), data),
            "scratch" => throw new ArgumentException($"init_from='scratch' is a model that has learned nothing; give 'resume', one of {string.Join(", ", PretrainedModels.Names)}, or where pretrained weights are."),
            _ => StoredModel.Pretrained(PretrainedModels.Locate(from, result.GetValue(pretrainedDir)!, DownloadView.Watch()), data),
        };
    }
}
