using System.Text;

namespace NanoGpt.Models.Tests;

/// <summary>A GGUF file as llama.cpp wants it, read here by a reader of its own.</summary>
public class GgufLayoutTests
{
    [Fact]
    public void Entries_names_shapes_types_and_places_are_llama_cpps()
    {
        using var model = new RandomWeights(new GptConfig(16, 70, 1, 2, 32));
        var tokenizer = new GgufMetadata();
        tokenizer.Add("tokenizer.ggml.tokens", (string[])["a", "é"]);
        tokenizer.Add("tokenizer.ggml.token_type", (int[])[1, 3]);
        var stream = new MemoryStream();
        GgufModel.Write(stream, new PortableWeights(model.Weights, 70), GgufPrecision.Q8, "my model", tokenizer);

        stream.Position = 0;
        using var reader = new BinaryReader(stream, Encoding.UTF8);
        Assert.Equal("GGUF", Encoding.ASCII.GetString(reader.ReadBytes(4)));
        Assert.Equal(3u, reader.ReadUInt32());
        int tensors = (int)reader.ReadUInt64(), entries = (int)reader.ReadUInt64();
        var values = new Dictionary<string, string>();
        for (int i = 0; i < entries; i++) values.Add(Text(reader), Value(reader, reader.ReadUInt32()));
        Assert.Equal(new Dictionary<string, string>
        {
            ["general.architecture"] = "gpt2", ["general.type"] = "model", ["general.name"] = "my model", ["gpt2.block_count"] = "1", ["gpt2.context_length"] = "16",
            ["gpt2.embedding_length"] = "32", ["gpt2.feed_forward_length"] = "128", ["gpt2.attention.head_count"] = "2", ["gpt2.attention.layer_norm_epsilon"] = "1E-05",
            ["general.file_type"] = "7", ["general.quantization_version"] = "2", ["nanogpt.gelu"] = "erf",
            ["tokenizer.ggml.tokens"] = "a|é", ["tokenizer.ggml.token_type"] = "1|3",
        }, values);

        var found = new List<(string Name, string Shape, uint Type, ulong Offset, int Bytes)>();
        for (int i = 0; i < tensors; i++)
        {
            string name = Text(reader);
            ulong[] sizes = [.. Enumerable.Range(0, (int)reader.ReadUInt32()).Select(_ => reader.ReadUInt64())];
            uint type = reader.ReadUInt32();
            int count = (int)sizes.Aggregate(1ul, (a, b) => a * b);
            found.Add((name, string.Join('×', sizes), type, reader.ReadUInt64(), type == 8 ? count / 32 * 34 : count * 4));
        }
        Assert.Equal(
        [
            "token_embd.weight 32×70 8", "position_embd.weight 32×16 0", "blk.0.attn_norm.weight 32 0", "blk.0.attn_norm.bias 32 0", "blk.0.attn_qkv.weight 32×96 8",
            "blk.0.attn_qkv.bias 96 0", "blk.0.attn_output.weight 32×32 8", "blk.0.attn_output.bias 32 0", "blk.0.ffn_norm.weight 32 0", "blk.0.ffn_norm.bias 32 0",
            "blk.0.ffn_up.weight 32×128 8", "blk.0.ffn_up.bias 128 0", "blk.0.ffn_down.weight 128×32 8", "blk.0.ffn_down.bias 32 0", "output_norm.weight 32 0",
            "output_norm.bias 32 0", "output.weight 32×70 8",
        ], found.Select(t => $"{t.Name} {t.Shape} {t.Type}"));
        ulong expected = 0;
        foreach (var tensor in found)
        {
            Assert.Equal(expected, tensor.Offset);
            expected += (ulong)(tensor.Bytes + 31) / 32 * 32;
        }
        Assert.Equal((stream.Position + 31) / 32 * 32 + (long)expected, stream.Length);
    }

    static string Text(BinaryReader reader) => Encoding.UTF8.GetString(reader.ReadBytes((int)reader.ReadUInt64()));

    static string Value(BinaryReader reader, uint type) => type switch
    {
        4 => $"{reader.ReadUInt32()}",
        5 => $"{reader.ReadInt32()}",
        6 => $"{reader.ReadSingle()}",
        8 => Text(reader),
        9 when reader.ReadUInt32() is var element => string.Join('|', Enumerable.Range(0, (int)reader.ReadUInt64()).Select(_ => Value(reader, element))),
        _ => throw new InvalidDataException($"type {type}"),
    };
}
