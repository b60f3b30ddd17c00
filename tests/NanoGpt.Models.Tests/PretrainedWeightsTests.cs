using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Models.Tests;

/// <summary>Weights that others wrote compute here what they compute there.</summary>
public class PretrainedWeightsTests
{
    [Theory]
    [InlineData("model.safetensors", GeluForm.Tanh, "logits_tanh.npy")]
    [InlineData("pytorch_model.bin", GeluForm.Tanh, "logits_tanh.npy")]
    [InlineData("pytorch_model.bin", GeluForm.Erf, "logits_erf.npy")]
    public void Logits_of_a_Hugging_Face_GPT2_are_PyTorchs(string file, GeluForm gelu, string expectedFile)
    {
        using var weights = PretrainedWeights.Open(TestData.PathOf($"torch_ref/hf_tiny_gpt2/{file}"));
        Assert.Equal(new GptConfig(128, 1024, 3, 4, 64, Gelu: GeluForm.Tanh), weights.Config);
        Assert.Empty(weights.Notes);
        using var device = CpuDevice.Create(2);
        using var trainee = new Trainee(device, weights.Config with { Gelu = gelu });
        weights.CopyTo(device, trainee.Store.Parameters);
        int[] ids = [.. TestData.Json("torch_ref/hf_tiny_gpt2/reference.json").GetProperty("ids").EnumerateArray().SelectMany(row => row.EnumerateArray()).Select(id => id.GetInt32())];
        trainee.Tape.Reset();
        float[] actual = trainee.Model.Logits(trainee.Tape.Tokens(ids, 2, 48)).ToArray(), expected = TestData.Npy($"torch_ref/hf_tiny_gpt2/{expectedFile}");
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-4f);
    }

    [Fact]
    public void The_checkpoint_of_nanoGPT_holds_the_weights_that_its_safetensors_hold()
    {
        using var weights = PretrainedWeights.Open(TestData.PathOf("torch_ref/nanogpt_char/ckpt.pt"));
        Assert.Equal(new GptConfig(64, 65, 4, 4, 64), weights.Config);
        using var device = CpuDevice.Create(2);
        using var trainee = new Trainee(device, weights.Config);
        weights.CopyTo(device, trainee.Store.Parameters);
        var expected = TestData.Safetensors("torch_ref/nanogpt_char/model.safetensors");
        foreach (var parameter in trainee.Store.Parameters)
        {
            float[] actual = new float[parameter.Shape.Count];
            device.Read(parameter.Data, actual);
            Assert.Equal(expected[parameter.Name], actual);
        }
    }
}
