using System.Text.Json;

namespace NanoGpt.Models.Tests;

public sealed class ShardedSafetensorsTests : IDisposable
{
    const string First = "model-00001-of-00002.safetensors", Second = "model-00002-of-00002.safetensors", Index = "model.safetensors.index.json";

    readonly TempFolder folder = new();
    readonly SmallWeights weights = new();

    public ShardedSafetensorsTests()
    {
        var tensors = weights.HuggingFace().ToList();
        folder.Write("config.json", SmallWeights.ConfigJson);
        folder.Write(First, SafetensorsBytes.Of(tensors.Take(9)));
        folder.Write(Second, SafetensorsBytes.Of(tensors.Skip(9)));
        WriteIndex(tensors.Select((tensor, i) => (tensor.Name, i < 9 ? First : Second)));
    }

    public void Dispose() => folder.Dispose();

    void WriteIndex(IEnumerable<(string Name, string File)> map) =>
        folder.Write(Index, JsonSerializer.Serialize(new { metadata = new { total_size = 1 }, weight_map = map.ToDictionary(entry => entry.Name, entry => entry.File) }));

    [Fact]
    public void Shards_are_found_through_the_index()
    {
        Assert.Equal("safetensors in 2 files", weights.AssertIn(folder.Root));
        weights.AssertIn(folder[Index]);
    }

    [Fact]
    public void A_shard_that_is_missing_is_named()
    {
        File.Delete(folder[Second]);
        Assert.Contains(folder[Second], Assert.Throws<FileNotFoundException>(() => PretrainedWeights.Open(folder.Root)).Message);
    }

    [Fact]
    public void A_tensor_that_is_in_another_shard_is_named()
    {
        WriteIndex(weights.HuggingFace().Select(tensor => (tensor.Name, First)));
        string message = Assert.Throws<InvalidDataException>(() => PretrainedWeights.Open(folder.Root)).Message;
        Assert.StartsWith($"{folder[First]}: there is no tensor '", message);
    }

    [Theory]
    [InlineData("../elsewhere.safetensors", "which is not in its folder")]
    [InlineData("", "this is a folder")]
    public void A_file_outside_the_folder_is_refused(string file, string fault)
    {
        WriteIndex([("wte.weight", file)]);
        Assert.Contains(fault, Assert.ThrowsAny<Exception>(() => PretrainedWeights.Open(folder.Root)).Message);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"weight_map": 3}""")]
    [InlineData("""{"weight_map": {"wte.weight": 3}}""")]
    [InlineData("{")]
    public void What_is_no_index_is_refused(string text)
    {
        folder.Write(Index, text);
        Assert.StartsWith($"{folder[Index]}: not a valid index", Assert.Throws<InvalidDataException>(() => PretrainedWeights.Open(folder.Root)).Message);
    }
}
