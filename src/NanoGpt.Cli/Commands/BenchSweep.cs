using NanoGpt.Models;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary><c>nanogpt bench --sweep</c>: shapes around a middle one, a dimension at a time, to see that none falls off a cliff.</summary>
static class BenchSweep
{
    const int Layers = 2, TokensPerStep = 2048;

    static readonly int[] widths = [64, 96, 200, 384, 768, 1000, 1600], times = [1, 17, 64, 100, 1024], vocabularies = [65, 50257, 50304];

    public static int Run(BenchmarkShape template)
    {
        int[] threads = template.Threads > 0 ? [template.Threads] : Environment.ProcessorCount > 1 ? [1, Environment.ProcessorCount] : [1];
        Console.WriteLine($"{Layers} layers, about {TokensPerStep:N0} tokens per step, {template.Precision}\n");
        Console.WriteLine("| varied | n_embd | n_head | T | B | V | threads | tok/s | ms/step | GFLOP/s | part of peak |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (int count in threads)
        {
            foreach (int width in widths) Measure("n_embd", width, 64, 65, count);
            foreach (int time in times) Measure("T", 384, time, 65, count);
            foreach (int vocabulary in vocabularies) Measure("V", 384, 64, vocabulary, count);
        }
        return ExitCode.Success;

        void Measure(string varied, int width, int time, int vocabulary, int count)
        {
            int heads = HeadsFor(width), batch = Math.Max(1, TokensPerStep / time);
            var config = new GptConfig(time, vocabulary, Layers, heads, width, Bias: false);
            var r = StepBenchmark.Run(template with { Model = config, Batch = batch, Threads = count }, seconds: 1);
            Console.WriteLine($"| {varied} | {width} | {heads} | {time} | {batch} | {vocabulary} | {count} | {r.TokensPerSecond:N0} | {r.Median * 1000:0.00} | " +
                $"{r.ModelFlops / 1e9:0} | {r.ModelFlops / r.PeakFlops:0.00} |");
        }
    }

    /// <summary>The number of heads that makes their size nearest to 64.</summary>
    static int HeadsFor(int width) => Enumerable.Range(1, width).Where(h => width % h == 0).MinBy(h => Math.Abs(width / h - 64));
}
