using System.Text;
using BenchmarkDotNet.Attributes;
using NanoGpt.Data;

namespace NanoGpt.Benchmarks;

/// <summary>GPT-2's tokenizer on a text of the user's: NANOGPT_TEXT names the file; without it, text made of its own words.</summary>
[Config(typeof(KernelConfig))]
public class TokenizerBenchmarks
{
    byte[][] documents = [];

    /// <summary>How many threads encode at once.</summary>
    [Params(1, 2)]
    public int Threads { get; set; }

    /// <summary>Reads the text and cuts it into documents of 4 KB.</summary>
    [GlobalSetup]
    public void Setup()
    {
        string? path = Environment.GetEnvironmentVariable("NANOGPT_TEXT");
        byte[] text = path is not null ? File.ReadAllBytes(path) : Words();
        documents = [.. text.Chunk(4096)];
        Console.WriteLine($"// {text.Length / 1e6:0.0} MB");
    }

    /// <summary>Encodes all of it.</summary>
    [Benchmark]
    public void Encode() => Parallel.ForEach(Enumerable.Range(0, Threads), new ParallelOptions { MaxDegreeOfParallelism = Threads }, thread =>
    {
        var ids = new List<int>(4096);
        for (int i = thread; i < documents.Length; i += Threads)
        {
            ids.Clear();
            BpeTokenizer.Gpt2.Encode(documents[i], ids);
        }
    });

    static byte[] Words()
    {
        var random = new Random(1);
        var text = new StringBuilder();
        while (text.Length < 8 << 20) text.Append(BpeTokenizer.Gpt2.Decode([random.Next((int)Math.Pow(50_000, random.NextDouble()))]));
        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
