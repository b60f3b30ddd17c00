using NanoGpt.Data;

namespace NanoGpt.Training;

/// <summary>What a command line comes to: the configuration, the checkpoint to go on from, and what the user should know.</summary>
/// <param name="Config">The resolved configuration, valid.</param>
/// <param name="Checkpoint">The checkpoint to go on from, or null to start from scratch.</param>
/// <param name="Notes">Sentences for the user: keys that do nothing here, keys that the checkpoint overrules.</param>
public sealed record ResolvedRun(TrainConfig Config, Checkpoint? Checkpoint, IReadOnlyList<string> Notes)
{
    /// <summary>The keys that make the shape of a model: those of a resumed run come from its checkpoint, as in nanoGPT.</summary>
    static readonly string[] modelKeys = ["n_layer", "n_head", "n_embd", "block_size", "bias"];

    /// <summary>
    /// Resolves what was given: over the defaults, or, with <c>init_from=resume</c>, over the configuration stored in the
    /// checkpoint that <c>resume_from</c> names in <c>out_dir</c>. Pretrained weights are downloaded where need be.
    /// </summary>
    /// <param name="given">What was given.</param>
    /// <param name="watch">Who looks on while weights are downloaded; null: nobody.</param>
    /// <exception cref="ArgumentException">A value does not make a run.</exception>
    /// <exception cref="FileNotFoundException">There is no checkpoint to resume from.</exception>
    /// <exception cref="InvalidDataException">The checkpoint is damaged; the message names one that is not.</exception>
    /// <exception cref="IOException">Pretrained weights cannot be downloaded.</exception>
    public static ResolvedRun From(ConfigArguments given, DownloadWatch? watch = null)
    {
        var config = given.ApplyTo(new TrainConfig());
        if (config.IsPretrained) return FromPretrained(config, given, watch ?? new());
        if (config.InitFrom != "resume")
        {
            config.Validate();
            return new(config.WithAccumulation(), null, config.Notes(given.Keys));
        }

        var store = new CheckpointStore(config.OutDir);
        var checkpoint = store.Load(config.ResumeFrom);
        var stored = checkpoint.State.Config;
        var resumed = given.ApplyTo(stored) with { OutDir = config.OutDir, InitFrom = "resume", ResumeFrom = config.ResumeFrom, EvalOnly = config.EvalOnly };
        var notes = new List<string>();
        foreach (var key in given.Keys.Where(key => modelKeys.Contains(key.Name) && !key.Get(resumed).Equals(key.Get(stored))))
        {
            if (key.Name == "block_size" && resumed.BlockSize < stored.BlockSize)
            {
                notes.Add($"block_size: the context of the model is cropped from {stored.BlockSize} to {resumed.BlockSize}.");
                continue;
            }
            notes.Add($"{key.Name}: {key.Format(resumed)} is ignored; the model in the checkpoint has {key.Format(stored)}.");
            resumed = key.Set(resumed, key.Get(stored));
        }
        resumed.Validate();
        if (store.NewestIteration is { } newest && newest > checkpoint.State.IterNum && !resumed.EvalOnly)
            notes.Add($"the run went on to iteration {newest:N0} before; what it did after {checkpoint.State.IterNum:N0} will be replaced.");
        return new(resumed.WithAccumulation(), checkpoint, [.. resumed.Notes(given.Keys), .. notes]);
    }

    /// <summary>Fine-tuning: the sizes are those of the weights, as in nanoGPT; the context may be cropped and dropout chosen. The configuration says where the weights were found.</summary>
    static ResolvedRun FromPretrained(TrainConfig config, ConfigArguments given, DownloadWatch watch)
    {
        (config with { TotalBatchSize = 0 }).Validate();        // before gigabytes are downloaded; how a step splits is known when the context is
        string path = PretrainedModels.Locate(config.InitFrom, config.PretrainedDir, watch);
        using var pretrained = Models.PretrainedWeights.Open(path);
        var sizes = pretrained.Config;
        bool blockGiven = given.Keys.Any(key => key.Name == "block_size");
        if (blockGiven && config.BlockSize > sizes.BlockSize)
            throw new ArgumentException($"block_size ({config.BlockSize}) is larger than the context of {config.InitFrom}, {sizes.BlockSize}; give at most that.");
        var found = config with { InitFrom = path, NLayer = sizes.NLayer, NHead = sizes.NHead, NEmbd = sizes.NEmbd, Bias = sizes.Bias, BlockSize = blockGiven ? config.BlockSize : sizes.BlockSize };
        found.Validate();
        var notes = new List<string>();
        if (path != config.InitFrom) notes.Add($"init_from: {config.InitFrom} is {path}.");
        foreach (var key in given.Keys.Where(key => modelKeys.Contains(key.Name) && !key.Get(found).Equals(key.Get(config))))
            notes.Add($"{key.Name}: {key.Format(config)} is ignored; the weights in {path} have {key.Format(found)}.");
        return new(found.WithAccumulation(), null, [.. found.Notes(given.Keys), .. notes, .. pretrained.Notes]);
    }
}
