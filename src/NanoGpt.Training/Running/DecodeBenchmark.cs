using System.Diagnostics;
using NanoGpt.Models;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Training;

/// <summary>What <see cref="DecodeBenchmark"/> measured for some samples that are written together.</summary>
/// <param name="Samples">How many.</param>
/// <param name="TokensPerSecond">Tokens of all of them, from the median step.</param>
/// <param name="BytesPerSecond">Bytes of weights read: each step reads them once.</param>
/// <param name="Bandwidth">What a plain pass over the same memory reads, the larger of one before and one after.</param>
/// <param name="Steps">Steps measured: a token of each sample.</param>
/// <param name="Kernels">What each kernel cost over these steps; empty without a profile.</param>
public sealed record DecodeResult(int Samples, double TokensPerSecond, double BytesPerSecond, double Bandwidth, int Steps, IReadOnlyList<KernelCost> Kernels)
{
    /// <summary>The part of the bandwidth that is used.</summary>
    public double Share => BytesPerSecond / Bandwidth;
}

/// <summary>Measures how fast a model with random weights writes, drawing included, as <c>nanogpt sample</c> does it.</summary>
public sealed class DecodeBenchmark : IDisposable
{
    const int Prompt = 16, Shortest = 16;

    static readonly TimeSpan passTime = TimeSpan.FromSeconds(0.7);

    readonly CpuDevice device;
    readonly ProfilingDevice profiler;
    readonly Gpt model;
    readonly ParameterStore weights;
    readonly Tape tape;

    /// <summary>A model with random weights, in fp32 or bf16; each kernel is timed if <paramref name="profile"/> says so.</summary>
    /// <exception cref="ArgumentException">The sizes do not make a model, or its context is too short to write in.</exception>
    public DecodeBenchmark(GptConfig config, Precision precision, int threads, bool profile = false)
    {
        if (config.BlockSize < Prompt + Shortest)
            throw new ArgumentException($"block_size {config.BlockSize} is too short to measure writing; use --block_size={Prompt + Shortest} or more.");
        model = new Gpt(config);
        device = CpuDevice.Create(threads);
        weights = new ParameterStore(device, model.Parameters, gradients: false);
        weights.Initialize(seed: 1337);
        if (precision == Precision.BFloat16) weights.Narrow();
        profiler = new ProfilingDevice(device);
        tape = new Tape(profile ? profiler : device);
        // All but the position table, of which a token reads a row.
        WeightBytes = weights.Parameters.Where(p => p.Name != "transformer.wpe.weight").Sum(p => p.Data.Length * sizeof(float));
    }

    /// <summary>The device, in words.</summary>
    public string Device => device.Name;

    /// <summary>Bytes of weights that a step reads.</summary>
    public long WeightBytes { get; }

    /// <summary>Measures so many samples, written together, over so many tokens each: at least two, for the first comes with the prompt.</summary>
    public DecodeResult Run(int samples, int tokens)
    {
        double before = device.MeasureReadBandwidth(weights.Values, passTime);
        int[] prompt = [.. Enumerable.Range(0, Prompt).Select(i => i * 7919 % model.Config.VocabSize)];
        tokens = Math.Clamp(tokens, 2, model.Config.BlockSize - Prompt);
        var times = new List<double>();
        long start = 0;
        foreach (var _ in new Generator(model, tape, new SamplingOptions()).ContinueTogether(prompt, tokens, 0, samples))
        {
            long now = Stopwatch.GetTimestamp();
            if (start != 0) times.Add(Stopwatch.GetElapsedTime(start, now).TotalSeconds);
            else profiler.Clear();      // the first step reads the prompt
            start = now;
        }
        times.Sort();
        double median = times[times.Count / 2], after = device.MeasureReadBandwidth(weights.Values, passTime);
        return new(samples, samples / median, WeightBytes / median, Math.Max(before, after), times.Count, profiler.Costs);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        tape.Dispose();
        weights.Dispose();
        device.Dispose();
    }
}
