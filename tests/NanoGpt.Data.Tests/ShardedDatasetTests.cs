using System.Text.Json.Nodes;

namespace NanoGpt.Data.Tests;

public sealed class ShardedDatasetTests : IDisposable
{
    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    static ushort[] Count(int from, int count) => [.. Enumerable.Range(from, count).Select(i => (ushort)i)];

    [Fact]
    public void Shards_are_one_sequence_in_the_order_of_their_names()
    {
        folder.WriteTokens("x_train_000002.bin", Count(100, 30));
        folder.WriteTokens("x_train_000001.bin", Count(0, 100));
        folder.WriteTokens("x_val_000000.bin", Count(0, 5));
        using var data = TokenDataset.Open(folder.Root);
        Assert.Equal(130, data[Split.Train].Count);
        var all = new int[130];
        data[Split.Train].Read(0, all);
        Assert.Equal(Enumerable.Range(0, 130), all);
        var across = new int[4];
        data[Split.Train].Read(98, across);
        Assert.Equal([98, 99, 100, 101], across);
        Assert.Throws<ArgumentOutOfRangeException>(() => data[Split.Train].Read(127, across));
        Assert.True(Datasets.IsPrepared(folder.Root));
    }

    [Fact]
    public void Patterns_folders_and_files_name_shards()
    {
        folder.WriteTokens("a/x_train_1.bin", 1, 2);
        folder.WriteTokens("a/x_train_2.bin", 3, 4);
        folder.WriteTokens("b/v.bin", 5, 6);
        using var data = TokenDataset.Open(folder["a/x_train_*.bin"], folder["b"]);
        Assert.Equal((4, 2), (data[Split.Train].Count, data[Split.Val].Count));
        Assert.Contains("none_*.bin", Assert.Throws<FileNotFoundException>(() => TokenDataset.Open(folder["a/none_*.bin"], folder["b"])).Message, StringComparison.Ordinal);
        Assert.Contains("no folder", Assert.Throws<FileNotFoundException>(() => TokenDataset.Open(folder["*/x.*"], folder["b"])).Message, StringComparison.Ordinal);
        Assert.Contains("'" + folder["b/w.bin"] + "'", Assert.Throws<FileNotFoundException>(() => TokenDataset.Open(folder["a"], folder["b/w.bin"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Real_shards_of_different_formats_make_a_data_set()
    {
        string shards = SharedData.PathOf("shards");
        using var data = TokenDataset.Open(Path.Combine(shards, "books_train_*.bin"), Path.Combine(shards, "books_val_000000.npy"));
        data.Validate(50257);
        Assert.Equal((274_888, 79_171), (data[Split.Train].Count, data[Split.Val].Count));
        int[] x = new int[4 * 64], y = new int[4 * 64];
        for (int step = 0; step < 20; step++)
        {
            data.Fill(new BatchKey(1, Split.Train, step, 0), 4, 64, x, y, DataOrder.Document);
            for (int row = 0; row < 4; row++) Assert.Equal(50256, x[row * 64]);
        }
    }

    [Fact]
    public void The_shards_that_meta_json_lists_are_taken_and_checked()
    {
        Datasets.Prepare("text_char", [folder.Write("text.txt", string.Concat(Enumerable.Repeat("some text ", 60)))], folder["data"]);
        string path = folder["data/meta.json"], train = folder["data/train.bin"];
        byte[] tokens = File.ReadAllBytes(train);
        JsonObject meta = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        JsonObject Shard(string name, byte[] bytes)
        {
            folder.Write("data/" + name, bytes);
            return new JsonObject { ["name"] = name, ["tokens"] = bytes.Length / 2, ["sha256"] = Sha256.Of(bytes) };
        }
        meta.Remove("train_sha256");
        meta["train_shards"] = new JsonArray(Shard("t2.bin", tokens[..200]), Shard("t1.bin", tokens[200..]));
        File.WriteAllText(path, meta.ToJsonString());
        File.Delete(train);
        string identity;
        using (var data = TokenDataset.Open(folder["data"]))
        {
            Assert.Equal(tokens.Length / 2, data[Split.Train].Count);
            Assert.EndsWith("t2.bin", data[Split.Train].Shards[0].Path, StringComparison.Ordinal);
            identity = data.Identity(DataOrder.Random);
            Assert.Equal(identity + " order:sequential", data.Identity(DataOrder.Sequential));
        }
        meta["train_shards"]!.AsArray()[0]!["sha256"] = new string('0', 64);
        File.WriteAllText(path, meta.ToJsonString());
        using (var data = TokenDataset.Open(folder["data"])) Assert.NotEqual(identity, data.Identity(DataOrder.Random));
        File.WriteAllBytes(folder["data/t2.bin"], tokens[..198]);
        Assert.Contains("holds 99 tokens, but meta.json beside it says 100", Assert.Throws<InvalidDataException>(() => TokenDataset.Open(folder["data"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_identity_of_bare_files_changes_with_their_content()
    {
        string Identity()
        {
            using var data = TokenDataset.Open(folder.Root);
            return data.Identity(DataOrder.Random);
        }
        folder.WriteTokens("train.bin", Count(0, 5000));
        folder.WriteTokens("val.bin", Count(0, 100));
        string before = Identity();
        Assert.Equal(before, Identity());
        folder.WriteTokens("val.bin", [.. Count(0, 99), 7]);
        Assert.NotEqual(before, Identity());
        folder.WriteTokens("val.bin", Count(0, 100));
        Assert.Equal(before, Identity());
        folder.WriteTokens("train.bin", [.. Count(0, 4999), 0]);
        Assert.NotEqual(before, Identity());
    }

    [Fact]
    public void In_large_files_tokens_are_checked_when_they_are_read()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || OperatingSystem.IsMacOS(), "Files are not sparse by default on this system.");
        const long count = 600_000_000;
        using (var stream = File.Create(folder["train.bin"]))
        {
            stream.Position = (count - 2) * sizeof(ushort);
            stream.Write([7, 0, 255, 255]);
        }
        folder.WriteTokens("val.bin", 1, 2, 3);
        using var data = TokenDataset.Open(folder.Root);
        data.Validate(100);
        var window = new int[2];
        data[Split.Train].Read(count - 3, window);
        Assert.Equal([0, 7], window);
        Assert.Contains($"token 65535 at position {count - 1}", Assert.Throws<InvalidDataException>(() => data[Split.Train].Read(count - 2, window)).Message, StringComparison.Ordinal);
    }
}
