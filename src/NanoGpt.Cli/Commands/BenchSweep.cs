using NanoGpt.Models;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary><c>nanogpt bench --sweep</c>: shapes around a middle one, a dimension at a time, to see that none falls off a cliff.</summary>
static class BenchSweep
{
    const int Layers = 2, TokensPerStep = 2048;

    static readonly int[] widths = [64, 96, 200, 384, 768, 1000, 1600], times = [1, 17, 64, 100, 1024], vocabularies = [65, 50257, 50304];

    sealed record Row(string Varied, GptConfig Model, int Batch, int Threads);

    /// <summary>Measures every shape in each of some rounds, and prints the best of each: a neighbour on the machine only slows it down, and seldom for all rounds.</summary>
    public static int Run(BenchmarkShape template, int rounds)
    {
        Row[] rows = [.. Rows(template.Threads)];
        var best = new StepBenchmarkResult?[rows.Length];
        Console.WriteLine($"{Layers} layers, about {TokensPerStep:N0} tokens per step, {template.Precision}{(rounds > 1 ? $", the best of {rounds} rounds" : "")}\n");
        for (int round = 1; round < rounds; round++)
            for (int i = 0; i < rows.Length; i++)
                Console.Error.WriteLine($"round {round} of {rounds}, shape {i + 1} of {rows.Length}: {Measure(i).PartOfPeak:0.00} of the peak so far");
        Console.WriteLine("| varied | n_embd | n_head | T | B | V | threads | tok/s | ms/step | GFLOP/s | part of peak | between steps |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|---|");
        for (int i = 0; i < rows.Length; i++)
        {
            var (row, r) = (rows[i], Measure(i));
            Console.WriteLine($"| {row.Varied} | {row.Model.NEmbd} | {row.Model.NHead} | {row.Model.BlockSize} | {row.Batch} | {row.Model.VocabSize} | {row.Threads} | {r.TokensPerSecond:N0} | " +
                $"{r.Median * 1000:0.00} | {r.ModelFlops / 1e9:0} | {r.PartOfPeak:0.00} | {r.PartOfRateBetweenSteps:0.00} |");
        }
        return ExitCode.Success;

        StepBenchmarkResult Measure(int i)
        {
            var result = StepBenchmark.Run(template with { Model = rows[i].Model, Batch = rows[i].Batch, Threads = rows[i].Threads }, seconds: 1);
            return best[i] = best[i] is { } before && before.PartOfPeak >= result.PartOfPeak ? before : result;
        }
    }

    static IEnumerable<Row> Rows(int threads)
    {
        int[] counts = threads > 0 ? [threads] : Environment.ProcessorCount > 1 ? [1, Environment.ProcessorCount] : [1];
        foreach (int count in counts)
        {
            foreach (int width in widths) yield return Shape("n_embd", width, 64, 65);
            foreach (int time in times) yield return Shape("T", 384, time, 65);
            foreach (int vocabulary in vocabularies) yield return Shape("V", 384, 64, vocabulary);

            Row Shape(string varied, int width, int time, int vocabulary) =>
                new(varied, new GptConfig(time, vocabulary, Layers, HeadsFor(width), width, Bias: false), Math.Max(1, TokensPerStep / time), count);
        }
    }

    /// <summary>The number of heads that makes their size nearest to 64.</summary>
    static int HeadsFor(int width) => Enumerable.Range(1, width).Where(h => width % h == 0).MinBy(h => Math.Abs(width / h - 64));
}
