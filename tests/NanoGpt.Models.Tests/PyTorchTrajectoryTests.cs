using System.Text.Json;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Models.Tests;

/// <summary>Twenty training steps beside PyTorch's, from the same weights on the same batches.</summary>
public class PyTorchTrajectoryTests
{
    public static MatrixTheoryData<string, SimdWidth> Runs { get; } = new(
        ["bias", "nobias", "nobias_accum4"],
        [SimdWidth.Scalar, SimdWidth.V128, SimdWidth.V256, SimdWidth.V512]);

    [Theory, MemberData(nameof(Runs))]
    public void Losses_norms_and_weights_follow_PyTorch(string run, SimdWidth width)
    {
        using var device = DeviceOf(width);
        var (trainee, json, micro, batch, time) = Start(run, device);
        using var _ = trainee;
        double[] losses = Numbers(json, "loss"), norms = Numbers(json, "grad_norm_before_clip"), rates = [.. json.GetProperty("lr_per_step").EnumerateArray().Select(e => e.GetDouble())];
        for (int step = 0; step < 20; step++)
        {
            var (ids, targets) = Batch(json, step, time);
            float loss = trainee.ForwardBackward(ids, targets, micro, batch, time), norm = trainee.Update(rates[step]);
            // Without biases, later, correct fp32 runs drift apart, PyTorch's own from its fp64 run by 9e-5 in the loss and 6 % in a norm:
            // Adam divides by the root of gradients that are nearly zero.
            var (ofLoss, ofNorm) = step < 10 || run == "bias" ? (5e-6, 1e-4) : (3e-4, 0.3);
            Assert.True(Math.Abs(loss - losses[step]) <= ofLoss, $"Step {step}: loss {loss}, PyTorch {losses[step]}.");
            Assert.True(Math.Abs(norm - norms[step]) <= ofNorm * norms[step], $"Step {step}: norm {norm}, PyTorch {norms[step]}.");
        }

        var final = TestData.Safetensors($"torch_ref/train_trajectory/{run}_final.safetensors");
        foreach (var p in trainee.Model.Parameters)
        {
            double difference = RelativeDifference(final[p.Name], Trainee.Read(device, p.Data));
            Assert.True(difference <= 0.02, $"{p.Name} ends {difference:g3} away from PyTorch's.");
        }
    }

    [Theory, MemberData(nameof(Runs))]
    public void Gradients_of_the_first_step_are_PyTorchs(string run, SimdWidth width)
    {
        using var device = DeviceOf(width);
        var (trainee, json, micro, batch, time) = Start(run, device);
        using var _ = trainee;
        var (ids, targets) = Batch(json, 0, time);
        trainee.ForwardBackward(ids, targets, micro, batch, time);
        var expected = TestData.Safetensors($"torch_ref/train_trajectory/{run}_grads_step0.safetensors");
        Assert.Equal(trainee.Model.Parameters.Count, expected.Count);
        foreach (var p in trainee.Model.Parameters)
        {
            double difference = RelativeDifference(expected[p.Name], Trainee.Read(device, p.Grad));
            Assert.True(difference <= 1e-5, $"The gradient of {p.Name} is {difference:g3} away from PyTorch's.");
        }
    }

    static CpuDevice DeviceOf(SimdWidth width)
    {
        Assert.SkipUnless(width <= SimdWidths.Widest, $"This processor has no {(int)width}-bit vectors.");
        return CpuDevice.Create(2, width);
    }

    static (Trainee, JsonElement, int Micro, int Batch, int Time) Start(string run, CpuDevice device)
    {
        var json = TestData.Json($"torch_ref/train_trajectory/{run}.json");
        JsonElement model = json.GetProperty("model"), optimizer = json.GetProperty("optimizer");
        var config = new GptConfig(Int(model, "block_size"), Int(model, "vocab_size"), Int(model, "n_layer"), Int(model, "n_head"), Int(model, "n_embd"),
            model.GetProperty("dropout").GetDouble(), model.GetProperty("bias").GetBoolean());
        var trainee = new Trainee(device, config, 1, Float(optimizer, "beta1"), Float(optimizer, "beta2"), Float(optimizer, "eps"),
            Float(optimizer, "weight_decay"), Float(optimizer, "grad_clip"));
        trainee.Load(TestData.Safetensors($"torch_ref/train_trajectory/{run}_init.safetensors"));
        return (trainee, json, Int(json, "micro_batches_per_step"), Int(json, "batch_size"), config.BlockSize);
    }

    /// <summary>The windows of a step: one list of starts per micro-batch.</summary>
    static (int[] Ids, int[] Targets) Batch(JsonElement json, int step, int time)
    {
        var train = shakespeare.Value.Train;
        int[] starts = [.. json.GetProperty("batch_starts")[step].EnumerateArray().SelectMany(micro => micro.EnumerateArray()).Select(s => s.GetInt32())];
        return ([.. starts.SelectMany(s => train[s..(s + time)])], [.. starts.SelectMany(s => train[(s + 1)..(s + 1 + time)])]);
    }

    static readonly Lazy<(int[] Train, int[] Validation)> shakespeare = new(TestData.Shakespeare);

    /// <summary>What PyTorch found in double precision, so that its own rounding is not held against us.</summary>
    static double[] Numbers(JsonElement json, string name) =>
        [.. json.GetProperty("results").GetProperty("float64").GetProperty(name).EnumerateArray().Select(e => e.GetDouble())];

    static double RelativeDifference(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double difference = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += ((double)expected[i] - actual[i]) * ((double)expected[i] - actual[i]);
            norm += (double)expected[i] * expected[i];
        }
        return Math.Sqrt(difference / norm);
    }

    static int Int(JsonElement json, string name) => json.GetProperty(name).GetInt32();
    static float Float(JsonElement json, string name) => json.GetProperty(name).GetSingle();
}
