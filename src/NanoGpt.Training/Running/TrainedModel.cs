using System.Runtime.InteropServices;
using System.Security.Cryptography;
using NanoGpt.Data;
using NanoGpt.Models;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Training;

/// <summary>A model from a checkpoint and the tokenizer it was trained with: all that writing text takes. Gradients have no memory.</summary>
public sealed class TrainedModel : IDisposable
{
    readonly CpuDevice device;
    readonly ParameterStore weights;

    TrainedModel(Checkpoint checkpoint, Tokenizer tokenizer, int threads)
    {
        (Checkpoint, Tokenizer) = (checkpoint, tokenizer);
        Model = new Gpt(checkpoint.State.Model);
        device = CpuDevice.Create(threads);
        weights = new ParameterStore(device, Model.Parameters, gradients: false);
        Tape = new Tape(device);
        using var file = checkpoint.OpenModel();
        WeightFiles.Read(file, device, weights.Parameters.Select(p => (p.Name, p.Shape, p.Data)));
    }

    /// <summary>Where it is from.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>What its tokens mean.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>The model.</summary>
    public Gpt Model { get; }

    /// <summary>The memory it computes in.</summary>
    public Tape Tape { get; }

    /// <summary>Opens a checkpoint of a run.</summary>
    /// <param name="outDir">The run's <c>out_dir</c>.</param>
    /// <param name="name">The checkpoint; null is the best, or the last where none is best.</param>
    /// <param name="dataDir">The data set whose tokenizer to use; null is the one that the run keeps, else the one it was trained on, which was GPT-2's where nothing said so.</param>
    /// <param name="threads">Threads to compute with; 0 is all.</param>
    /// <exception cref="FileNotFoundException">There is no run, no checkpoint of it, or no tokenizer.</exception>
    /// <exception cref="InvalidDataException">The checkpoint is damaged, or the tokenizer is not the one it was trained with.</exception>
    public static TrainedModel Open(string outDir, string? name, string? dataDir, int threads)
    {
        var store = new CheckpointStore(outDir);
        if (!store.Contains(CheckpointStore.Last) && !store.Contains(CheckpointStore.Best))
            throw new FileNotFoundException($"There is no trained model in '{outDir}'; train one with --out_dir={outDir}, or name the run's folder with --out_dir.");
        var checkpoint = store.Load(name ?? (store.Contains(CheckpointStore.Best) ? CheckpointStore.Best : CheckpointStore.Last), "--checkpoint");
        return new TrainedModel(checkpoint, FindTokenizer(checkpoint, outDir, dataDir), threads);
    }

    static Tokenizer FindTokenizer(Checkpoint checkpoint, string outDir, string? dataDir)
    {
        string own = new RunFolder(outDir).MetaPath;
        string path = dataDir is null && File.Exists(own) ? own : Path.Combine(dataDir ?? checkpoint.State.Config.DataDirectory, DatasetMeta.FileName);
        if (!File.Exists(path) && dataDir is null && checkpoint.State.TokenizerIdentity is null && checkpoint.State.Model.VocabSize >= BpeTokenizer.Gpt2.VocabSize) return BpeTokenizer.Gpt2;
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no '{path}' to say what the tokens of {checkpoint.Directory} mean; name the folder of the data set it was trained on with --data_dir.");
        var meta = DatasetMeta.Load(path);
        var tokenizer = meta.CreateTokenizer(path);
        if (checkpoint.State.TokenizerIdentity is { } trained ? trained != meta.TokenizerIdentity : meta.VocabSize > checkpoint.State.Model.VocabSize)
            throw new InvalidDataException($"The checkpoint {checkpoint.Directory} was trained on '{checkpoint.State.DataIdentity}', but '{path}' has the tokenizer '{meta.TokenizerIdentity}' of '{meta.Dataset}'; name the folder of the data set it was trained on with --data_dir.");
        return tokenizer;
    }

    /// <summary>SHA-256 of all weights: what a result belongs to, wherever the checkpoint lies.</summary>
    public string WeightsSha256()
    {
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var part = new float[1 << 18];
        foreach (var p in weights.Parameters)
            for (long start = 0; start < p.Data.Length; start += part.Length)
            {
                var values = part.AsSpan(0, (int)Math.Min(part.Length, p.Data.Length - start));
                device.Read(p.Data.Slice(start, values.Length), values);
                sum.AppendData(MemoryMarshal.AsBytes(values));
            }
        return Convert.ToHexStringLower(sum.GetHashAndReset());
    }

    /// <summary>Rounds the weights to bf16: half the memory, and writing is nearly twice as fast.</summary>
    public void Narrow() => weights.Narrow();

    /// <inheritdoc/>
    public void Dispose()
    {
        Tape.Dispose();
        weights.Dispose();
        device.Dispose();
    }
}
