using NanoGpt.Models;
using NanoGpt.Tensors.Cpu;
using NanoGpt.Training;

namespace NanoGpt.Cli;

/// <summary><c>nanogpt bench --decode</c>: how fast a model writes, one sample and several together, against what memory can deliver.</summary>
static class BenchDecode
{
    static readonly int[] samples = [1, 8];

    public static int Run(GptConfig config, Precision precision, int threads, int tokens, bool profile)
    {
        using var bench = new DecodeBenchmark(config, precision, threads, profile);
        Console.WriteLine($"n_layer {config.NLayer}, n_head {config.NHead}, n_embd {config.NEmbd}, block_size {config.BlockSize}, vocab_size {config.VocabSize:N0}: " +
            $"{Units.Count(config.ParameterCount())} parameters, {Units.Bytes(bench.WeightBytes)} of weights to read for a token");
        Console.WriteLine($"{bench.Device}, weights in {precision}\n");
        Console.WriteLine("| samples together | tokens/s | times one | weights read, GB/s | a plain pass reads, GB/s | share |");
        Console.WriteLine("|---|---|---|---|---|---|");
        double one = 0;
        var results = new List<DecodeResult>();
        foreach (int count in samples)
        {
            var r = bench.Run(count, tokens > 0 ? tokens : 100);
            if (count == 1) one = r.TokensPerSecond;
            Console.WriteLine($"| {count} | {r.TokensPerSecond:0.0} | {r.TokensPerSecond / one:0.0} | {r.BytesPerSecond / 1e9:0.0} | {r.Bandwidth / 1e9:0.0} | {r.Share:0%} |");
            results.Add(r);
        }
        if (profile)
            foreach (var r in results)
            {
                Console.WriteLine($"\n{r.Samples} together");
                KernelTable.Write(r.Kernels, r.Steps, peak: double.PositiveInfinity, r.Bandwidth);      // to write is to read weights
            }
        return ExitCode.Success;
    }
}
