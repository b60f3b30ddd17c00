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
/// <param name="Device">The device, in words.</param>
/// <param name="Threads">Threads that computed.</param>
/// <param name="PeakResidentBytes">The most memory the process has held.</param>
public sealed record StepBenchmarkResult(int Steps, double Median, double Fastest, double Slowest, double TokensPerSecond,
    double ModelFlops, double PeakFlops, string Device, int Threads, long PeakResidentBytes);

/// <summary>
/// Measures training steps on synthetic tokens: zero the gradients, forward, backward, clip, AdamW, exactly as <see cref="Trainer"/> does them.
/// </summary>
public static class StepBenchmark
{
    static readonly TimeSpan peakTime = TimeSpan.FromSeconds(0.3);
    const double WarmUpSeconds = 1, MeasuredSeconds = 3;

    /// <summary>Measures a shape.</summary>
    /// <param name="config">The model; its block size is the length of the sequences.</param>
    /// <param name="batch">Sequences per step.</param>
    /// <param name="threads">Threads; 0 is all.</param>
    /// <param name="precision">In which precision matrices are multiplied.</param>
    /// <param name="steps">Steps to measure; 0 is as many as take about three seconds.</param>
    /// <exception cref="ArgumentException">The sizes do not make a model.</exception>
    public static StepBenchmarkResult Run(GptConfig config, int batch, int threads, Precision precision, int steps)
    {
        using var device = CpuDevice.Create(threads, precision: precision);
        double peak = device.MeasurePeakFlops(peakTime);
        var model = new Gpt(config);
        using var weights = new ParameterStore(device, model.Parameters);
        using var optimizer = new AdamW(weights, beta1: 0.9, beta2: 0.95, weightDecay: 0.1, gradClip: 1.0);
        using var tape = new Tape(device, seed: 1337);
        weights.Initialize(seed: 1337);

        var random = new Random(1337);
        int[] x = Tokens(), y = Tokens();
        int iteration = 0;
        for (var warmUp = Stopwatch.StartNew(); iteration < 2 || warmUp.Elapsed.TotalSeconds < WarmUpSeconds;) Step();
        if (steps == 0) steps = (int)Math.Clamp(MeasuredSeconds / Step(), 3, 100_000);
        double[] seconds = [.. Enumerable.Range(0, steps).Select(_ => Step()).Order()];

        double median = (seconds[(steps - 1) / 2] + seconds[steps / 2]) / 2, tokensPerSecond = x.Length / median;
        peak = Math.Max(peak, device.MeasurePeakFlops(peakTime));
        return new(steps, median, seconds[0], seconds[^1], tokensPerSecond, tokensPerSecond * config.FlopsPerToken(config.BlockSize), peak,
            device.Name, device.Threads, PeakResidentBytes());

        int[] Tokens() => [.. Enumerable.Range(0, batch * config.BlockSize).Select(_ => random.Next(config.VocabSize))];

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

    static long PeakResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return Math.Max(process.PeakWorkingSet64, process.WorkingSet64);        // some systems do not tell the peak
    }
}
