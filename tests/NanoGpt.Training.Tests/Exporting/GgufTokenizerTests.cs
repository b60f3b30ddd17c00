using System.Text.Json;
using NanoGpt.Data;
using NanoGpt.Models;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Training.Tests;

/// <summary>The tokenizer in a GGUF file is the one it was written with.</summary>
public sealed class GgufTokenizerTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>A file of a tiny model with so many tokens.</summary>
    string Write(int rows, GgufMetadata tokenizer)
    {
        var config = new GptConfig(4, rows, 1, 1, 4);
        string source = folder.File("model.safetensors"), path = folder.File("model.gguf");
        using var device = CpuDevice.Create(1);
        var model = new Gpt(config);
        using (var store = new ParameterStore(device, model.Parameters, gradients: false))
        {
            store.Initialize(3);
            using var file = File.Create(source);
            var writer = new SafetensorsWriter(file);
            WeightFiles.Write(writer, device, store.Parameters.Select(p => (p.Name, p.Shape, p.Data)));
            writer.Complete();
        }
        using var weights = PretrainedWeights.Open(source, config);
        using var gguf = File.Create(path);
        GgufModel.Write(gguf, new PortableWeights(weights, rows), GgufPrecision.F32, "test", tokenizer);
        return path;
    }

    Tokenizer? Read(int rows, GgufMetadata tokenizer)
    {
        string path = Write(rows, tokenizer);
        using var weights = PretrainedWeights.Open(path);
        return PretrainedTokenizer.Of(path, weights);
    }

    Tokenizer RoundTrip(Tokenizer tokenizer) => Read(tokenizer.VocabSize, GgufTokenizer.Describe(tokenizer))!;

    [Fact]
    public void GPT2s_gives_the_ids_of_the_vectors()
    {
        var read = RoundTrip(BpeTokenizer.Gpt2);
        Assert.Same(BpeTokenizer.Gpt2, read);
        // Read for itself, without being recognised.
        using var weights = PretrainedWeights.Open(folder.File("model.gguf"));
        var vocabulary = weights.ReadVocabulary()!;
        Assert.Equal(("gpt2", "gpt-2", 50_257, 50_000), (vocabulary.Model, vocabulary.Pre, vocabulary.Tokens.Count, vocabulary.Merges.Count));
        var own = ShownVocabularyOf(vocabulary);
        int checks = 0;
        foreach (string line in File.ReadLines(TorchReference.Find("../gpt2_bpe_vectors.jsonl")))
        {
            var vector = JsonDocument.Parse(line).RootElement;
            string text = vector.GetProperty("text").GetString()!;
            int[] expected = [.. vector.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            Assert.Equal(expected, vector.GetProperty("allow_special").GetBoolean() ? own.EncodeWithSpecial(text) : own.Encode(text));
            checks++;
        }
        Assert.True(checks > 100, $"{checks} vectors");
        Assert.Equal(50_256, own.EndOfText);
    }

    /// <summary>A vocabulary that cannot be taken for GPT-2's: with one token more.</summary>
    static BpeTokenizer ShownVocabularyOf(GgufVocabulary vocabulary)
    {
        var more = Tokenizers.FromShown(SplitPattern.Gpt2, [.. vocabulary.Tokens, "<|more|>"], vocabulary.Merges);
        Assert.NotSame(BpeTokenizer.Gpt2, more);
        return more;
    }

    [Fact]
    public void Vocabularies_of_ones_own_come_back_with_either_pattern()
    {
        File.WriteAllText(folder.File("corpus.txt"), string.Concat(Enumerable.Range(0, 400).Select(i => $"the {i} then, über größe {i * i}\n")));
        foreach (var split in (SplitPattern[])[SplitPattern.Gpt2, SplitPattern.Gpt4])
        {
            var bpe = BpeCorpus.Train([folder.File("corpus.txt")], "text", split, 300, null, TestContext.Current.CancellationToken).Tokenizer;
            var read = RoundTrip(bpe);
            Assert.Equal(bpe.Hash, read.Hash);
            Assert.Equal(bpe.EncodeWithSpecial("the then größe 12345<|endoftext|> über\n\n"), read.EncodeWithSpecial("the then größe 12345<|endoftext|> über\n\n"));
        }
    }

    [Fact]
    public void Characters_come_back()
    {
        var characters = new CharTokenizer([.. Enumerable.Range(0, 256).Select(i => ((char)i).ToString()), "€", "😀"]);
        Assert.Equal(characters.Hash, RoundTrip(characters).Hash);
        Assert.Equal(characters.Encode("\\x0a \\\\ \n€😀"), RoundTrip(characters).Encode("\\x0a \\\\ \n€😀"));
    }

    /// <summary>llama.cpp's converter fills up with unused tokens what the embedding has rows for.</summary>
    [Fact]
    public void What_only_pads_the_vocabulary_is_left_out()
    {
        var entries = new GgufMetadata();
        entries.Add("tokenizer.ggml.model", "gpt2");
        string[] tokens = [.. Enumerable.Range(0, 256).Select(BpeTokenizer.Gpt2.Shown), "he", "<|endoftext|>", "[PAD258]", "[PAD259]"];
        entries.Add("tokenizer.ggml.tokens", tokens);
        entries.Add("tokenizer.ggml.token_type", (int[])[.. tokens.Select((_, id) => id < 257 ? 1 : id == 257 ? 3 : 5)]);
        entries.Add("tokenizer.ggml.merges", (string[])["h e"]);
        var read = Assert.IsType<BpeTokenizer>(Read(260, entries));
        Assert.Equal((258, 257), (read.VocabSize, read.EndOfText));
        Assert.Equal([256, 257], read.EncodeWithSpecial("he<|endoftext|>"));
    }

    [Theory]
    [InlineData("gpt2", "a a", "its tokens 0 and 1 are the same")]
    [InlineData("gpt2", "a b", "The byte 0x00 has no token")]
    [InlineData("gpt2", "a b c d e", "its tokenizer.ggml.tokens has 5 entries, more than the 4 that there can be")]
    [InlineData("rwkv", "a bc", "The vocabulary entry 'bc' is not exactly one character")]
    [InlineData("rwkv", @"a \xZZ", "its tokenizer cannot be read")]
    public void A_damaged_one_is_a_sentence(string model, string tokens, string expected)
    {
        var entries = new GgufMetadata();
        entries.Add("tokenizer.ggml.model", model);
        entries.Add("tokenizer.ggml.tokens", tokens.Split(' '));
        string message = Assert.Throws<InvalidDataException>(() => Read(4, entries)).Message;
        Assert.StartsWith($"{folder.File("model.gguf")}: its tokenizer cannot be read: ", message);
        Assert.Contains(expected, message);
    }

    [Theory]
    [InlineData("llama", null)]
    [InlineData("gpt2", "deepseek-llm")]
    [InlineData(null, null)]
    public void One_of_another_kind_is_left_to_others(string? model, string? pre)
    {
        var entries = new GgufMetadata();
        if (model is not null) entries.Add("tokenizer.ggml.model", model);
        if (pre is not null) entries.Add("tokenizer.ggml.pre", pre);
        entries.Add("tokenizer.ggml.tokens", (string[])["a", "b"]);
        Assert.Null(Read(4, entries));
    }
}
