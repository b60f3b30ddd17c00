using System.Text.Json;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Models.Tests;

/// <summary>A model that nanoGPT trained gives here what it gives in PyTorch.</summary>
public class NanoGptCheckpointTests
{
    const int Window = 64;

    static readonly Lazy<int[]> validation = new(() => TestData.Shakespeare().Validation);

    [Theory]
    [InlineData(SimdWidth.Scalar)]
    [InlineData(SimdWidth.V128)]
    [InlineData(SimdWidth.V256)]
    [InlineData(SimdWidth.V512)]
    public void Logits_are_PyTorchs(SimdWidth width)
    {
        Assert.SkipUnless(width <= SimdWidths.Widest, $"This processor has no {(int)width}-bit vectors.");
        using var device = CpuDevice.Create(2, width);
        using var trainee = Load(device, out _);
        float[] expected = TestData.Npy("torch_ref/nanogpt_char/logits_first4.npy");
        trainee.Tape.Reset();
        float[] actual = trainee.Model.Logits(trainee.Tape.Tokens(validation.Value.AsSpan(0, 4 * Window), 4, Window)).ToArray();
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-4f);
    }

    [Fact]
    public void Logits_of_the_last_position_are_the_last_of_the_logits()
    {
        using var device = CpuDevice.Create(2);
        using var trainee = Load(device, out _);
        var ids = validation.Value.AsSpan(0, 3 * 17);
        trainee.Tape.Reset();
        float[] all = trainee.Model.Logits(trainee.Tape.Tokens(ids, 3, 17)).ToArray();
        trainee.Tape.Reset();
        float[] next = trainee.Model.NextLogits(trainee.Tape.Tokens(ids, 3, 17)).ToArray();
        for (int b = 0; b < 3; b++)
            for (int i = 0; i < 65; i++) Assert.Equal(all[(b * 17 + 16) * 65 + i], next[b * 65 + i], 1e-5f);
    }

    [Fact]
    public void Loss_over_the_whole_validation_set_is_PyTorchs()
    {
        using var device = CpuDevice.Create(2);
        using var trainee = Load(device, out var reference);
        int windows = reference.GetProperty("val_windows").GetInt32();
        double[] first = [.. reference.GetProperty("val_loss_first_4_windows").EnumerateArray().Select(e => e.GetDouble())];
        for (int i = 0; i < first.Length; i++) Assert.Equal(first[i], Loss(trainee, i, 1), 1e-4);

        // 1742 = 26 · 67
        const int batch = 67;
        double sum = 0;
        for (int i = 0; i < windows; i += batch) sum += Loss(trainee, i, batch) * batch;
        Assert.Equal(0, windows % batch);
        Assert.Equal(reference.GetProperty("val_loss_all_windows").GetDouble(), sum / windows, 2e-4);
    }

    [Fact]
    public void Greedy_continuation_is_PyTorchs()
    {
        using var device = CpuDevice.Create(2);
        using var trainee = Load(device, out var reference);
        int[] expected = [.. reference.GetProperty("greedy_from_newline_ids").EnumerateArray().Select(e => e.GetInt32())];
        List<int> ids = [0];
        while (ids.Count < expected.Length)
        {
            int[] context = [.. ids.TakeLast(Window)];
            trainee.Tape.Reset();
            float[] logits = trainee.Model.NextLogits(trainee.Tape.Tokens(context, 1, context.Length)).ToArray();
            ids.Add(Array.IndexOf(logits, logits.Max()));
        }
        Assert.Equal(expected, ids);
    }

    static float Loss(Trainee trainee, int window, int batch)
    {
        int start = window * Window, count = batch * Window;
        trainee.Tape.Reset();
        return trainee.Model.Loss(
            trainee.Tape.Tokens(validation.Value.AsSpan(start, count), batch, Window),
            trainee.Tape.Tokens(validation.Value.AsSpan(start + 1, count), batch, Window)).Item();
    }

    static Trainee Load(CpuDevice device, out JsonElement reference)
    {
        reference = TestData.Json("torch_ref/nanogpt_char/reference.json");
        var args = reference.GetProperty("model_args");
        int Arg(string name) => args.GetProperty(name).GetInt32();
        var trainee = new Trainee(device, new GptConfig(Arg("block_size"), Arg("vocab_size"), Arg("n_layer"), Arg("n_head"), Arg("n_embd"), Bias: args.GetProperty("bias").GetBoolean()));
        trainee.Load(TestData.Safetensors("torch_ref/nanogpt_char/model.safetensors"));
        return trainee;
    }
}
