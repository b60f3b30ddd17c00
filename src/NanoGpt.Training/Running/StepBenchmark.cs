using System.Diagnostics;
using NanoGpt.Models;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Training;

/// <summary>What <see cref="StepBenchmark"/> measured.</summary>
/// <param name="Steps">Steps measured, after warm-up.</param>
/// <param name="Median">Seconds of the median step; the rates are formed from it.</param>
/// <param name="Fastest">Seconds of the fastest step.</param>
/// <param name="Slowest">Seconds of the slowest step.</param>
/// <param name="TokensPerSecond">Tokens of a step over its median time.</param>
/// <param name="ModelFlops">Floating-point operations per second: 6N + 12·L·C·T per token.</param>
/// <param name="PeakFlops">What the device can do in registers in that precision, the larger of a measurement before and one after.</param>
/// <param name="FlopsBetweenSteps">The same of all the time between the measured steps, not of its best moment: less than <paramref name="PeakFlops"/> where others use the machine, or its clock falls.</param>
/// <param name="Device">The device, in words.</param>
/// <param name="Threads">Threads that computed.</param>
/// <param name="PeakResidentBytes">The most memory the process has held.</param>
/// <param name="Kernels">What each kernel cost over the measured steps; empty without a profile.</param>
/// <param name="Bandwidth">Bytes per second that memory of the size of the model's and its optimizer's delivers; 0 without a profile.</param>
public sealed record StepBenchmarkResult(int Steps, double Median, double Fastest, double Slowest, double TokensPerSecond,
    double ModelFlops, double PeakFlops, double FlopsBetweenSteps, string Device, int Threads, long PeakResidentBytes, IReadOnlyList<KernelCost> Kernels, double Bandwidth)
{
    /// <summary>What the model's operations take of what the device can do.</summary>
    public double PartOfPeak => ModelFlops / PeakFlops;

    /// <summary>What they take of what it could do between the steps.</summary>
    public double PartOfRateBetweenSteps => ModelFlops / FlopsBetweenSteps;
}

/// <summary>What <see cref="StepBenchmark"/> trains.</summary>
/// <param name="Model">The model; its block size is the length of the sequences.</param>
/// <param name="Batch">Sequences per step.</param>
/// <param name="Threads">Threads; 0 is all.</param>
/// <param name="Precision">In which precision matrices are multiplied.</param>
/// <param name="Recompute">Whether blocks are computed again on the way back.</param>
/// <param name="Profile">Whether each kernel is timed.</param>
public sealed record BenchmarkShape(GptConfig Model, int Batch, int Threads = 0, Precision Precision = Precision.Float32, bool Recompute = false, bool Profile = false);

/// <summary>
/// Measures training steps on synthetic tokens: zero the gradients, forward, backward, clip, AdamW, exactly as <see cref="Trainer"/> does them.
/// </summary>
public static class StepBenchmark
{
    static readonly TimeSpan peakTime = TimeSpan.FromSeconds(0.3), bandwidthTime = TimeSpan.FromSeconds(0.5);

    /// <summary>Measures a shape.</summary>
    /// <param name="shape">What to train.</param>
    /// <param name="steps">Steps to measure; 0 is as many as take <paramref name="seconds"/>, but at least 3.</param>
    /// <param name="seconds">About how long to measure; warm-up takes a third of it more.</param>
    /// <exception cref="ArgumentException">The sizes do not make a model.</exception>
    public static StepBenchmarkResult Run(BenchmarkShape shape, int steps = 0, double seconds = 3)
    {
        var (config, batch, threads, precision, recompute, profile) = shape;
        using var cpu = CpuDevice.Create(threads, precision: precision);
        double peak = cpu.MeasurePeakFlops(peakTime);
        var profiler = new ProfilingDevice(cpu);
        Device device = profile ? profiler : cpu;
        var model = new Gpt(config);
        using var weights = new ParameterStore(device, model.Parameters);
        using var optimizer = new AdamW(weights, beta1: 0.9, beta2: 0.95, weightDecay: 0.1, gradClip: 1.0);
        using var tape = new Tape(device, seed: 1337) { Recompute = recompute };
        weights.Initialize(seed: 1337);

        var random = new Random(1337);
        int[] x = Tokens(), y = Tokens();
        int iteration = 0;
        List<double> bursts = [];
        for (var warmUp = Stopwatch.StartNew(); iteration < 2 || warmUp.Elapsed.TotalSeconds < seconds / 3;) Step();
        if (steps == 0) steps = (int)Math.Clamp(seconds / Step(), 3, 100_000);
        profiler.Clear();
        double[] times = [.. Enumerable.Range(0, steps).Select(_ => StepThenBursts()).Order()];

        double median = (times[(steps - 1) / 2] + times[steps / 2]) / 2, tokensPerSecond = x.Length / median;
        peak = Math.Max(peak, cpu.MeasurePeakFlops(peakTime));
        double between = bursts.Count / bursts.Sum(rate => 1 / rate);       // every burst is as much work: the harmonic mean
        long resident = PeakResidentBytes();
        return new(steps, median, times[0], times[^1], tokensPerSecond, tokensPerSecond * config.FlopsPerToken(config.BlockSize), peak, between,
            cpu.Name, cpu.Threads, resident, profiler.Costs, profile ? MeasureBandwidth(cpu, weights.Values.Length) : 0);

        int[] Tokens() => [.. Enumerable.Range(0, batch * config.BlockSize).Select(_ => random.Next(config.VocabSize))];

        double StepThenBursts()
        {
            double time = Step();
            var clock = Stopwatch.StartNew();
            do bursts.Add(cpu.MeasurePeakFlops(TimeSpan.Zero));
            while (clock.Elapsed.TotalSeconds < time / 20);
            return time;
        }

        double Step()
        {
            long start = Stopwatch.GetTimestamp();
            weights.ZeroGrad();
            tape.Recording = true;
            tape.Reset(iteration++);
            var loss = model.Loss(tape.Tokens(x, batch, config.BlockSize), tape.Tokens(y, batch, config.BlockSize));
            tape.Backward(loss);
            _ = loss.Item();
            optimizer.Step(learningRate: 1e-4, optimizer.GradientNorm());
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

    /// <summary>Passes that read twice what they write, over four runs of memory as long as the weights: what the optimizer goes through.</summary>
    static double MeasureBandwidth(CpuDevice device, long length)
    {
        Storage[] runs = [.. Enumerable.Range(0, 4).Select(_ => device.Allocate(length))];
        foreach (var run in runs) device.Fill(run, 0);
        double best = 0;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < bandwidthTime;)
        {
            long start = Stopwatch.GetTimestamp();
            device.Accumulate(runs[0], runs[1]);
            device.Accumulate(runs[2], runs[3]);
            best = Math.Max(best, 6.0 * length * sizeof(float) / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        foreach (var run in runs) device.Free(run);
        return best;
    }

    static long PeakResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return Math.Max(process.PeakWorkingSet64, process.WorkingSet64);        // some systems do not tell the peak
    }
}
