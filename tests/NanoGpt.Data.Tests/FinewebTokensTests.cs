using System.Buffers.Binary;
using System.Text.Json;

namespace NanoGpt.Data.Tests;

/// <summary>The speedrun's shards, from a server on this machine or from files.</summary>
public sealed class FinewebTokensTests : IDisposable
{
    static readonly byte[] Val = Shard(50256, 1, 2, 3), First = Shard(50256, 4, 5, 6, 7), Second = Shard(50256, 8, 9);

    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>llm.c's layout.</summary>
    static byte[] Shard(params ushort[] tokens)
    {
        var bytes = new byte[256 * sizeof(int) + tokens.Length * sizeof(ushort)];
        foreach (var (i, value) in (ReadOnlySpan<(int, int)>)[(0, 20240520), (1, 1), (2, tokens.Length)]) BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(i * sizeof(int)), value);
        for (int i = 0; i < tokens.Length; i++) BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(256 * sizeof(int) + i * sizeof(ushort)), tokens[i]);
        return bytes;
    }

    static byte[] Listing() => LocalServer.Answer(200, JsonSerializer.SerializeToUtf8Bytes(
        new[] { ("fineweb_train_000002.bin", Second), ("README.md", [1]), ("fineweb_train_000001.bin", First), ("fineweb_val_000000.bin", Val) }
            .Select(file => new { type = "file", path = file.Item1, size = file.Item2.Length, lfs = new { oid = Sha256.Of(file.Item2) } })));

    PreparedDataset Prepare(LocalServer server, int? files) =>
        Datasets.Prepare("fineweb_tokens", new PrepareOptions { Mirror = server.Address, Files = files }, folder["out"], cancellation: TestContext.Current.CancellationToken);

    [Fact]
    public void Shards_are_fetched_checked_and_listed_and_more_can_follow()
    {
        using (var server = new LocalServer(Listing(), LocalServer.Answer(200, Val), Listing(), LocalServer.Answer(200, First)))
        {
            DatasetMeta meta = Prepare(server, files: 1).Meta;
            Assert.Equal(4, server.Requests);
            Assert.Contains("GET /datasets/kjj0/fineweb10B-gpt2/resolve/main/fineweb_train_000001.bin", server.LastRequest, StringComparison.Ordinal);
            Assert.Equal([new ShardFile("fineweb_train_000001.bin", 5, Sha256.Of(First))], meta.TrainShards);
            Assert.Equal([new ShardFile("fineweb_val_000000.bin", 4, Sha256.Of(Val))], meta.ValShards);
            Assert.Equal((5L, 4L, "gpt2", 50257), (meta.TrainTokens, meta.ValTokens, meta.Tokenizer, meta.VocabSize));
        }
        using (var server = new LocalServer(Listing(), Listing(), LocalServer.Answer(200, Second)))
        {
            Assert.Equal(8, Prepare(server, files: null).Meta.TrainTokens);
            Assert.Equal(3, server.Requests);
        }
        Assert.Equal(["fineweb_train_000001.bin", "fineweb_train_000002.bin", "fineweb_val_000000.bin", "meta.json"], Directory.GetFiles(folder["out"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        using var data = TokenDataset.Open(folder["out"]);
        Assert.Equal((8L, 4L), (data[Split.Train].Count, data[Split.Val].Count));
        int[] tokens = new int[8];
        foreach (var (i, length) in (ReadOnlySpan<(int, int)>)[(0, 5), (5, 3)]) data[Split.Train].Read(i, tokens.AsSpan(i, length));
        Assert.Equal([50256, 4, 5, 6, 7, 50256, 8, 9], tokens);
    }

    [Fact]
    public void Shards_that_one_has_stay_where_they_are()
    {
        folder.Write("have/fineweb_train_000001.bin", First);
        folder.Write("have/fineweb_val_000000.bin", Val);
        folder.Write("have/other.bin", "not a shard");
        DatasetMeta meta = Datasets.Prepare("fineweb_tokens", [folder["have"]], folder["out"], cancellation: TestContext.Current.CancellationToken).Meta;
        Assert.Equal([Path.Combine("..", "have", "fineweb_train_000001.bin")], meta.TrainShards!.Select(shard => shard.Name));
        using (var data = TokenDataset.Open(folder["out"]))
        {
            Assert.Equal(5, data[Split.Train].Count);
            Assert.Contains(Sha256.Of(First), data.Identity(DataOrder.Random), StringComparison.Ordinal);
        }
        folder.Write("have/fineweb_train_000001.bin", Second);
        Assert.Contains("says 5", Assert.Throws<InvalidDataException>(() => TokenDataset.Open(folder["out"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_missing_or_no_shard_is_refused_and_leaves_no_data_set()
    {
        folder.Write("have/fineweb_train_000001.bin", First);
        Assert.Contains("there are 1 and 0", Refusal(), StringComparison.Ordinal);
        folder.Write("have/fineweb_val_000000.bin", Shard(50257));
        Assert.Contains("50257", Refusal(), StringComparison.Ordinal);
        folder.Write("have/fineweb_val_000000.bin", Val[..^1]);
        Assert.Contains("fineweb_val_000000.bin", Refusal(), StringComparison.Ordinal);
        Assert.False(Datasets.IsPrepared(folder["out"]));

        string Refusal() => Assert.Throws<InvalidDataException>(() => Datasets.Prepare("fineweb_tokens", [folder["have"]], folder["out"], cancellation: TestContext.Current.CancellationToken)).Message;
    }
}
