using System.Security.Cryptography;
using NanoGpt.Models;

namespace NanoGpt.Training;

/// <summary>A checkpoint on disk whose every byte has been checked, or just been written.</summary>
public sealed class Checkpoint
{
    internal const string ModelFile = "model.safetensors", OptimizerFile = "optimizer.safetensors";

    internal Checkpoint(string directory, CheckpointState state, ReadOnlySpan<byte> stateBytes) =>
        (Directory, State, StateSum) = (directory, state, Convert.ToHexStringLower(SHA256.HashData(stateBytes)));

    /// <summary>Its directory.</summary>
    public string Directory { get; }

    /// <summary>Its name among the checkpoints of the run, for <c>--resume_from</c>.</summary>
    public string Name => Path.GetFileName(Directory);

    /// <summary>Everything but the tensors.</summary>
    public CheckpointState State { get; }

    /// <summary>SHA-256 of <c>state.json</c>, and through the checksums in it of the whole checkpoint.</summary>
    internal string StateSum { get; }

    /// <summary>Opens the weights.</summary>
    public SafetensorsFile OpenModel() => SafetensorsFile.Open(Path.Combine(Directory, ModelFile));

    /// <summary>Opens the weights as others see them.</summary>
    public PretrainedWeights OpenWeights() => PretrainedWeights.Open(Path.Combine(Directory, ModelFile), State.Model);

    /// <summary>Opens the optimizer's state.</summary>
    public SafetensorsFile OpenOptimizer() => SafetensorsFile.Open(Path.Combine(Directory, OptimizerFile));

    /// <summary>Checks every byte of a checkpoint directory.</summary>
    /// <exception cref="InvalidDataException">A file is missing, cut short or changed. The message has no full stop: the caller adds what to do.</exception>
    internal static Checkpoint Read(string directory)
    {
        string path = Path.Combine(directory, StateFile.Name);
        if (!File.Exists(path))
            throw new InvalidDataException($"{path}: the file is missing");
        byte[] bytes = File.ReadAllBytes(path);
        var (state, files) = StateFile.Read(path, bytes);
        foreach (string name in (string[])[ModelFile, OptimizerFile])
        {
            if (!files.TryGetValue(name, out var sum))
                throw new InvalidDataException($"{path}: the file does not list {name}");
            sum.Verify(Path.Combine(directory, name));
        }
        return new Checkpoint(directory, state, bytes);
    }
}
