using System.Text.Json;

namespace NanoGpt.Data.Tests;

/// <summary>Whole corpora in GPT-2's tokens, against streams that tiktoken made.</summary>
public sealed class Gpt2CorpusTests : IDisposable
{
    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    static JsonElement Expected(string name) => JsonDocument.Parse(File.ReadAllBytes(SharedData.PathOf("shards/expected.json"))).RootElement.GetProperty(name);

    [Fact]
    public void Shakespeare_is_nanogpts()
    {
        JsonElement expected = Expected("shakespeare_bpe");
        DatasetMeta meta = Datasets.Prepare("shakespeare", [SharedData.PathOf("tinyshakespeare.txt")], folder["out"]).Meta;
        Assert.Equal((301_966, 36_059), (meta.TrainTokens, meta.ValTokens));
        Assert.Equal(expected.GetProperty("train_bin_sha256").GetString(), meta.TrainSha256);
        Assert.Equal(expected.GetProperty("val_bin_sha256").GetString(), meta.ValSha256);
    }

    [Theory]
    [InlineData(ShardFormat.NanoGpt, "sha256_uint16le_eot_last")]
    [InlineData(ShardFormat.LlmC, "sha256_uint16le_eot_first")]
    public void The_books_are_tiktokens_stream(ShardFormat format, string hash)
    {
        JsonElement expected = Expected("books_jsonl");
        var options = new PrepareOptions { Inputs = [SharedData.PathOf("books.jsonl.gz")], Format = format, ShardTokens = 2_000_000, ValDocs = 60 };
        DatasetMeta meta = Datasets.Prepare("jsonl", options, folder["out"]).Meta;
        Assert.Equal(expected.GetProperty("docs").GetInt64(), meta.Documents);
        Assert.Equal(expected.GetProperty("tokens_with_eot").GetInt64(), meta.TrainTokens + meta.ValTokens);
        var stream = new List<byte>();
        foreach (ShardFile file in meta.ValShards!.Concat(meta.TrainShards!))
            stream.AddRange(File.ReadAllBytes(Path.Combine(folder["out"], file.Name)).AsSpan(format == ShardFormat.LlmC ? 1024 : 0));
        Assert.Equal(expected.GetProperty(hash).GetString(), Sha256.Of([.. stream]));
    }
}
