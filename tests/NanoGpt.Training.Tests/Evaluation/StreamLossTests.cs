using System.Security.Cryptography;
using System.Text;
using NanoGpt.Data;

namespace NanoGpt.Training.Tests;

public sealed class StreamLossTests : IDisposable
{
    const int Block = 32, Count = 1000;

    readonly TemporaryFolder folder = new();
    readonly CharTokenizer tokenizer = new(["a", "b", "é", "𝐀", " "]);
    readonly int[] ids = [.. Enumerable.Range(0, Count).Select(i => i * i % 7 % 5)];
    readonly byte[] file;
    readonly TokenSequence stream;

    public StreamLossTests()
    {
        file = [.. ids.SelectMany(id => BitConverter.GetBytes((ushort)id))];
        string path = Path.Combine(folder.Path, "val.bin");
        File.WriteAllBytes(path, file);
        stream = TokenSequence.Open([path]);
    }

    public void Dispose()
    {
        stream.Dispose();
        folder.Dispose();
    }

    StreamLossResult Run(int batch = 4, int threads = 2, int time = 0, int stride = 0)
    {
        using var small = new SmallModel(5, Block, threads);
        return new StreamLoss(small.Model, small.Tape, stream, tokenizer).Run(batch, time, stride, _ => { });
    }

    [Fact]
    public void Every_token_but_the_first_is_counted_once()
    {
        var result = Run();
        using var small = new SmallModel(5, Block);
        double sum = 0;
        for (int start = 0; start < Count - 1; start += Block)
        {
            int length = Math.Min(Block, Count - 1 - start);
            sum += small.TokenLosses(ids[start..(start + length)], ids[(start + 1)..(start + length + 1)]).Sum(loss => (double)loss);
        }
        Assert.Equal(Count - 1, result.Predictions);
        Assert.Equal(sum / (Count - 1), result.Loss, 1e-6);
        Assert.Equal(Math.Exp(result.Loss), result.Perplexity);
        int bytes = Encoding.UTF8.GetByteCount(tokenizer.Decode(ids.AsSpan(1)));
        Assert.Equal(bytes, result.Bytes);
        Assert.Equal(sum / Math.Log(2) / bytes, result.BitsPerByte, 1e-6);
    }

    [Fact]
    public void The_stream_is_named_by_the_hash_of_its_tokens() =>
        Assert.Equal((Convert.ToHexStringLower(SHA256.HashData(file)), (long)Count), (Run().StreamSha256, Run().StreamTokens));

    [Fact]
    public void The_loss_has_the_same_bits_at_any_batch_size_and_number_of_threads()
    {
        double expected = Run(batch: 1, threads: 1).Loss;
        foreach (var (batch, threads) in ((int, int)[])[(2, 1), (7, 3), (100, 2)]) Assert.Equal(expected, Run(batch, threads).Loss);
    }

    [Fact]
    public void With_a_stride_each_prediction_sees_what_a_window_that_ends_there_sees()
    {
        var result = Run(stride: 1);
        using var small = new SmallModel(5, Block);
        double sum = small.TokenLosses(ids[..Block], ids[1..(Block + 1)]).Sum(loss => (double)loss);
        for (int end = Block + 1; end < Count; end++) sum += small.TokenLosses(ids[(end - Block)..end], ids[(end - Block + 1)..(end + 1)])[^1];
        Assert.Equal(Count - 1, result.Predictions);
        Assert.Equal(sum / (Count - 1), result.Loss, 1e-6);
        Assert.Equal(Count - 1, Run(stride: 13).Predictions);
    }

    [Fact]
    public void What_does_not_fit_is_refused_in_a_sentence()
    {
        Assert.Contains("stride 40 is longer", Assert.Throws<ArgumentException>(() => Run(stride: 40)).Message);
        Assert.Contains("longer than the model's context", Assert.Throws<ArgumentException>(() => Run(time: 64)).Message);
        using var small = new SmallModel(3, Block);
        Assert.Contains("outside the vocabulary", Assert.Throws<InvalidDataException>(() => new StreamLoss(small.Model, small.Tape, stream, null).Run(1, 0, 0, _ => { })).Message);
    }
}
