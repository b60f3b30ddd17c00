using NanoGpt.Data;
using NanoGpt.Models;

namespace NanoGpt.Training;

/// <summary>A folder as nanoGPT's <c>out_dir</c>: <c>ckpt.pt</c>, and <c>meta.pkl</c> of the data set where tokens are characters.</summary>
internal static class NanoGptFolder
{
    const double BeforeTraining = 1e9;      // nanoGPT's best_val_loss of a model that it has not evaluated yet

    /// <summary>All that such a folder can hold.</summary>
    public static IReadOnlyCollection<string> Names { get; } = [NanoGptCheckpoint.FileName, NanoGptMeta.FileName];

    public static void Write(string folder, PretrainedWeights weights, CheckpointState? state, Tokenizer tokenizer, DurableDisk disk, Action<long>? progress)
    {
        var config = state is null ? [] : ConfigKey.All.ToDictionary(key => key.Name, key => key.Get(state.Config));
        disk.WriteFile(Path.Combine(folder, NanoGptCheckpoint.FileName), stream => NanoGptCheckpoint.Write(stream, weights, state?.IterNum ?? 0, state?.BestValLoss ?? BeforeTraining, config, progress));
        if (tokenizer is CharTokenizer characters) disk.WriteFile(Path.Combine(folder, NanoGptMeta.FileName), stream => NanoGptMeta.Write(stream, characters.Vocabulary));
    }
}
