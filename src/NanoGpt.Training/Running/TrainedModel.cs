using System.Runtime.InteropServices;
using System.Security.Cryptography;
using NanoGpt.Data;
using NanoGpt.Models;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Training;

/// <summary>A model in memory and what its tokens mean: all that writing text takes. Gradients have no memory.</summary>
public sealed class TrainedModel : IDisposable
{
    readonly CpuDevice device;
    readonly ParameterStore weights;

    /// <summary>Reads a model into memory.</summary>
    /// <param name="source">Where it is.</param>
    /// <param name="threads">Threads to compute with; 0 is all.</param>
    /// <exception cref="InvalidDataException">Its weights are damaged.</exception>
    public TrainedModel(StoredModel source, int threads)
    {
        Source = source;
        Model = new Gpt(source.Config);
        device = CpuDevice.Create(threads);
        weights = new ParameterStore(device, Model.Parameters, gradients: false);
        Tape = new Tape(device);
        using var file = source.OpenWeights();
        file.CopyTo(device, weights.Parameters);
    }

    /// <summary>Where it is from.</summary>
    public StoredModel Source { get; }

    /// <summary>What its tokens mean.</summary>
    /// <exception cref="FileNotFoundException">Nothing says that.</exception>
    public Tokenizer Tokenizer => Source.KnownTokenizer;

    /// <summary>The model.</summary>
    public Gpt Model { get; }

    /// <summary>The memory it computes in.</summary>
    public Tape Tape { get; }

    /// <summary>How much has been computed; may be read from any thread.</summary>
    public long WorkDone => device.WorkDone;

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
