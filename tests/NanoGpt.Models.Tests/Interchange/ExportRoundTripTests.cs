namespace NanoGpt.Models.Tests;

/// <summary>What is written for others reads back as it was: bit for bit where the format allows it, else within its error.</summary>
public class ExportRoundTripTests
{
    static readonly GptConfig wide = new(16, 70, 2, 2, 64), narrow = new(16, 70, 2, 2, 24, Bias: false, Gelu: GeluForm.Tanh);

    public static TheoryData<bool> Both => [true, false];

    static RandomWeights Model(bool isWide) => new(isWide ? wide : narrow);

    [Theory]
    [MemberData(nameof(Both))]
    public void Hugging_Faces_files_bit_for_bit(bool isWide)
    {
        using var model = Model(isWide);
        using (var file = File.Create(model["config.json"])) HuggingFaceModel.WriteConfig(file, model.Weights.Config with { Bias = true }, endOfText: 69);
        using var back = model.Reopened("other.safetensors", file => HuggingFaceModel.WriteWeights(file, new PortableWeights(model.Weights, 70)));
        Assert.Equal(model.Weights.Config with { Bias = true }, back.Config);
        Assert.Empty(back.Notes);
        AssertEqual(SmallWeights.Read(model.Weights), SmallWeights.Read(back));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Nanogpts_checkpoint_bit_for_bit(bool isWide)
    {
        using var model = Model(isWide);
        using var back = model.Reopened("ckpt.pt", file => NanoGptCheckpoint.Write(file, model.Weights, 12, 3.5, new Dictionary<string, object> { ["dataset"] = "x", ["learning_rate"] = 1e-3, ["n"] = 3, ["compile"] = true }));
        Assert.Equal(model.Weights.Config with { Gelu = GeluForm.Erf }, back.Config);       // nanoGPT knows no other
        Assert.Empty(back.Notes);
        AssertEqual(SmallWeights.Read(model.Weights), SmallWeights.Read(back));
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void Gguf_in_f32_bit_for_bit(bool isWide)
    {
        using var model = Model(isWide);
        using var back = Gguf(model, GgufPrecision.F32);
        Assert.Equal(model.Weights.Config with { Bias = true }, back.Config);
        Assert.Empty(back.Notes);
        AssertEqual(SmallWeights.Read(model.Weights), SmallWeights.Read(back));
    }

    [Fact]
    public void Gguf_in_f16_to_the_nearest_half()
    {
        using var model = Model(isWide: true);
        using var back = Gguf(model, GgufPrecision.F16);
        AssertEqual(SmallWeights.Read(model.Weights), SmallWeights.Read(back), (name, value) => IsHalf(name) ? (float)(Half)value : value);
    }

    [Fact]
    public void Gguf_in_q8_0_within_half_a_step_of_its_block()
    {
        using var model = Model(isWide: true);
        using var back = Gguf(model, GgufPrecision.Q8);
        var read = SmallWeights.Read(back);
        double worst = 0;
        foreach (var (name, values) in SmallWeights.Read(model.Weights))
        {
            if (!IsHalf(name))
            {
                Assert.Equal(values, read[name]);
                continue;
            }
            for (int block = 0; block < values.Length; block += 32)
            {
                double greatest = values.AsSpan(block, 32).ToArray().Max(MathF.Abs), allowed = greatest / 127 * 0.5 + greatest / 2048;
                for (int i = block; i < block + 32; i++)
                {
                    Assert.InRange(Math.Abs(values[i] - read[name][i]), 0, allowed * 1.0001);
                    worst = Math.Max(worst, Math.Abs(values[i] - read[name][i]) / greatest * 127);
                }
            }
        }
        Assert.InRange(worst, 0.4, 0.6);       // steps: it is rounded, and to the nearest
    }

    [Fact]
    public void Rows_that_are_no_whole_blocks_are_halves_in_q8_0()
    {
        using var model = Model(isWide: false);
        using var back = Gguf(model, GgufPrecision.Q8);       // rows of 24 and of 96
        var (expected, actual) = (SmallWeights.Read(model.Weights), SmallWeights.Read(back));
        AssertEqual(new() { ["transformer.wte.weight"] = expected["transformer.wte.weight"] }, actual, (_, value) => (float)(Half)value);
        Assert.NotEqual(expected["transformer.h.0.mlp.c_proj.weight"].Select(value => (float)(Half)value), actual["transformer.h.0.mlp.c_proj.weight"]);
    }

    [Fact]
    public void Q8_0_reads_the_same_in_any_pieces()
    {
        using var model = new RandomWeights(wide with { VocabSize = 9000 });       // more than a piece of the embedding
        using var back = Gguf(model, GgufPrecision.Q8, 9000);
        var whole = SmallWeights.Read(back)["transformer.wte.weight"];
        Assert.InRange(whole.Zip(SmallWeights.Read(model.Weights)["transformer.wte.weight"], (a, b) => Math.Abs(a - b)).Max(), 1e-4, 0.01);
    }

    [Fact]
    public void A_value_beyond_f16_is_refused_by_name()
    {
        using var model = new RandomWeights(wide);
        string path = model["big.safetensors"];
        byte[] bytes = File.ReadAllBytes(model["model.safetensors"]);
        for (int i = 0; i < 64 * 64; i++) BitConverter.TryWriteBytes(bytes.AsSpan(8 + (int)BitConverter.ToInt64(bytes) + 4 * i), 1e9f);
        File.WriteAllBytes(path, bytes);
        using var weights = PretrainedWeights.Open(path, wide);
        var fault = Assert.Throws<InvalidDataException>(() => GgufModel.Write(Stream.Null, new PortableWeights(weights, 70), GgufPrecision.F16, "m", new GgufMetadata()));
        Assert.Contains("'transformer.wte.weight' has the value 1E+09, too large for f16", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_that_pad_the_vocabulary_stay_behind()
    {
        using var model = Model(isWide: true);
        using var back = Gguf(model, GgufPrecision.F32, 65);
        Assert.Equal(65, back.Config.VocabSize);
        Assert.Equal(SmallWeights.Read(model.Weights)["transformer.wte.weight"][..(65 * 64)], SmallWeights.Read(back)["transformer.wte.weight"]);
        Assert.Throws<ArgumentException>(() => new PortableWeights(model.Weights, 71));
    }

    /// <summary>Weights that Hugging Face's own GPT2LMHeadModel saved come out with its names, its shapes and its bytes.</summary>
    [Fact]
    public void A_file_of_Hugging_Face_comes_out_as_it_went_in()
    {
        string original = TestData.PathOf("torch_ref/hf_tiny_gpt2/model.safetensors"), copy = Path.GetTempFileName();
        try
        {
            using (var weights = PretrainedWeights.Open(original))
            using (var file = File.Create(copy)) HuggingFaceModel.WriteWeights(file, new PortableWeights(weights, weights.Config.VocabSize));
            using var expected = SafetensorsFile.Open(original);
            using var actual = SafetensorsFile.Open(copy);
            Assert.Equal("pt", actual.Metadata["format"]);
            // The model saved without its head has the same names without "transformer."; the buffers of its masks are no weights.
            var names = expected.Tensors.Select(t => t.Name).Where(name => !name.EndsWith(".attn.bias", StringComparison.Ordinal)).ToDictionary(name => $"transformer.{name}");
            Assert.Equal(names.Keys.Order(StringComparer.Ordinal), actual.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal));
            foreach (var tensor in actual.Tensors)
            {
                Assert.Equal(expected[names[tensor.Name]].Shape, tensor.Shape);
                Assert.Equal(Floats(expected, names[tensor.Name]), Floats(actual, tensor.Name));
            }
        }
        finally
        {
            File.Delete(copy);
        }
    }

    static float[] Floats(SafetensorsFile file, string name)
    {
        var values = new float[file[name].ElementCount];
        file.ReadFloat32(name, values);
        return values;
    }

    static PretrainedWeights Gguf(RandomWeights model, GgufPrecision precision, int vocabulary = 70) =>
        model.Reopened($"model-{precision}.gguf", file => GgufModel.Write(file, new PortableWeights(model.Weights, vocabulary), precision, "model", new GgufMetadata()));

    static bool IsHalf(string name) => name.EndsWith(".weight", StringComparison.Ordinal) && !name.Contains("ln_", StringComparison.Ordinal) && name != "transformer.wpe.weight";

    /// <summary>Each expected value, changed as the format changes it, is there; what else is there is zero: the biases of a model without.</summary>
    static void AssertEqual(Dictionary<string, float[]> expected, Dictionary<string, float[]> actual, Func<string, float, float>? change = null)
    {
        foreach (var (name, values) in expected) Assert.Equal(change is null ? values : [.. values.Select(value => change(name, value))], actual[name]);
        if (expected.Count > 1) Assert.All(actual.Where(entry => !expected.ContainsKey(entry.Key)), entry => Assert.All(entry.Value, value => Assert.Equal(0, value)));
    }
}
