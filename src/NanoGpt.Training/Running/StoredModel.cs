using NanoGpt.Data;
using NanoGpt.Models;

namespace NanoGpt.Training;

/// <summary>A model on disk, to be written with or evaluated: one of a run, or pretrained weights.</summary>
/// <param name="Path">Where its weights are.</param>
/// <param name="Description">The same and what is known about it, for the user.</param>
/// <param name="Config">Its sizes.</param>
/// <param name="Tokenizer">What its tokens mean; null where nothing says that.</param>
/// <param name="OpenData">Opens the data set that it was trained on; null where that is not known.</param>
/// <param name="OpenWeights">Opens its weights.</param>
/// <param name="State">How far its training was; null where that is not known.</param>
public sealed record StoredModel(string Path, string Description, GptConfig Config, Tokenizer? Tokenizer, Func<TokenDataset>? OpenData, Func<PretrainedWeights> OpenWeights, CheckpointState? State = null)
{
    /// <summary>What its tokens mean.</summary>
    /// <exception cref="FileNotFoundException">Nothing says that.</exception>
    public Tokenizer KnownTokenizer => Tokenizer
        ?? throw new FileNotFoundException($"Nothing says what the tokens of {Path} mean; name the folder of a data set of the same tokens with --data_dir, or put their {TokenizerJson.FileName}, or nanoGPT's {NanoGptMeta.FileName}, beside the weights.");

    /// <summary>The model of a run.</summary>
    /// <param name="outDir">The run's <c>out_dir</c>.</param>
    /// <param name="name">The checkpoint; null is the best, or the last where none is best.</param>
    /// <param name="dataDir">The data set whose tokenizer to use; null is the one that the run keeps, else the one it was trained on, which was GPT-2's where nothing said so.</param>
    /// <exception cref="FileNotFoundException">There is no run, or no checkpoint of it.</exception>
    /// <exception cref="InvalidDataException">The checkpoint is damaged, or the tokenizer is not the one it was trained with.</exception>
    public static StoredModel OfRun(string outDir, string? name, string? dataDir)
    {
        var store = new CheckpointStore(outDir);
        if (!store.Contains(CheckpointStore.Last) && !store.Contains(CheckpointStore.Best))
            throw new FileNotFoundException($"There is no trained model in '{outDir}'; train one with --out_dir={outDir}, or name the run's folder with --out_dir.");
        var checkpoint = store.Load(name ?? (store.Contains(CheckpointStore.Best) ? CheckpointStore.Best : CheckpointStore.Last), "--checkpoint");
        return new(checkpoint.Directory, $"{checkpoint.Directory}, iteration {checkpoint.State.IterNum:N0}", checkpoint.State.Model,
            TokenizerOf(checkpoint, outDir, dataDir), () => TrainingRun.OpenData(checkpoint.State.Config), checkpoint.OpenWeights, checkpoint.State);
    }

    /// <summary>Pretrained weights.</summary>
    /// <param name="path">Their file or folder: see <see cref="PretrainedModels.Locate"/>.</param>
    /// <param name="dataDir">A data set that must have the same tokens, and says what they mean where the weights do not; or null.</param>
    /// <exception cref="FileNotFoundException">There are none.</exception>
    /// <exception cref="InvalidDataException">They are damaged or no GPT-2's, or the data set has another tokenizer.</exception>
    public static StoredModel Pretrained(string path, string? dataDir)
    {
        using var weights = PretrainedWeights.Open(path);
        var config = weights.Config;
        var tokenizer = PretrainedTokenizer.Of(path, weights);
        if (dataDir is not null && DatasetMeta.In(dataDir) is { } meta)
        {
            PretrainedTokenizer.Check(path, weights, meta, dataDir);
            tokenizer ??= meta.CreateTokenizer(System.IO.Path.Combine(dataDir, DatasetMeta.FileName));
        }
        else if (dataDir is not null) tokenizer = PretrainedTokenizer.InNanoGptFolder(dataDir, path, config.VocabSize) ?? tokenizer;
        return new(weights.Path, $"{weights.Path} ({weights.Format}), {config.ParameterCount() / 1e6:0.0}M parameters", config, tokenizer, null, () => PretrainedWeights.Open(path));
    }

    static Tokenizer? TokenizerOf(Checkpoint checkpoint, string outDir, string? dataDir)
    {
        string own = RunFolder.MetaPath(outDir);
        string path = dataDir is null && File.Exists(own) ? own : System.IO.Path.Combine(dataDir ?? checkpoint.State.Config.DataDirectory, DatasetMeta.FileName);
        if (!File.Exists(path))
            return dataDir is null && checkpoint.State.TokenizerIdentity is null && checkpoint.State.Model.VocabSize >= BpeTokenizer.Gpt2.VocabSize ? BpeTokenizer.Gpt2 : null;
        var meta = DatasetMeta.Load(path);
        var tokenizer = meta.CreateTokenizer(path);
        if (checkpoint.State.TokenizerIdentity is { } trained ? trained != meta.TokenizerIdentity : meta.VocabSize > checkpoint.State.Model.VocabSize)
            throw new InvalidDataException($"The checkpoint {checkpoint.Directory} was trained on '{checkpoint.State.DataIdentity}', but '{path}' has the tokenizer '{meta.TokenizerIdentity}' of '{meta.Dataset}'; name the folder of the data set it was trained on with --data_dir.");
        return tokenizer;
    }
}
