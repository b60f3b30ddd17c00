using NanoGpt.Tensors.Cpu;
using static NanoGpt.Tensors.Tests.Operand;

namespace NanoGpt.Tensors.Tests;

public class CrossEntropyTests
{
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Gradients_match_differences(SimdWidth width)
    {
        foreach (var (rows, vocabulary) in ((int, int)[])[(1, 1), (1, 2), (7, 3), (5, 16), (3, 17), (6, 65), (31, 97), (2, 50257)])
        {
            var targets = Targets(rows, vocabulary);
            GradientCheck.Verify(Devices.Of(width),
                x => Ops.CrossEntropy(x[0], x.Tape.Tokens(targets, rows, 1)),
                x => Reference.CrossEntropy(x[0], targets),
                Input(rows, vocabulary));
        }
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Gradients_with_the_head_match_differences(SimdWidth width)
    {
        foreach (var (rows, channels, vocabulary) in ((int, int, int)[])[(1, 1, 1), (1, 3, 2), (7, 5, 3), (9, 16, 17), (33, 17, 65), (130, 7, 65), (2, 3, 50257)])
        {
            var targets = Targets(rows, vocabulary);
            GradientCheck.Verify(Devices.Of(width),
                x => Ops.LinearCrossEntropy(x[0], x.Parameter(1), x.Tape.Tokens(targets, rows, 1)),
                x => Reference.CrossEntropy(Reference.Linear(x[0], x[1], null, channels), targets),
                Input(rows, channels), Parameter(vocabulary, channels));
        }
    }

    /// <summary>Rows enough for several blocks of logits.</summary>
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Head_and_loss_in_one_equal_head_then_loss(SimdWidth width)
    {
        foreach (var (rows, channels, vocabulary) in ((int, int, int)[])[(70, 33, 65), (200, 64, 1000), (330, 3, 50257)])
        {
            var device = Devices.Of(width);
            var fused = Run(device, rows, channels, vocabulary, (x, w, t) => Ops.LinearCrossEntropy(x, w, t));
            var composed = Run(device, rows, channels, vocabulary, (x, w, t) => Ops.CrossEntropy(Ops.Linear(x, w, null), t));
            Assert.Equal(composed.Loss, fused.Loss, 2e-6 * composed.Loss);
            Closeness.Assert(composed.Dx, fused.Dx, 5e-6, "dx");
            Closeness.Assert(composed.DWeight, fused.DWeight, 5e-6, "dWeight");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradients_are_scaled_by_the_loss_scale_and_the_loss_is_not(bool fused)
    {
        Func<Tensor, Parameter, Tensor, Tensor> op = fused ? Ops.LinearCrossEntropy : (x, w, t) => Ops.CrossEntropy(Ops.Linear(x, w, null), t);
        var whole = Run(Devices.Widest, 9, 8, 65, op);
        var quarter = Run(Devices.Widest, 9, 8, 65, op, lossScale: 0.25f);
        Assert.Equal(whole.Loss, quarter.Loss);
        Closeness.Assert([.. whole.Dx.Select(g => g * 0.25f)], quarter.Dx, 1e-6, "dx");
        Closeness.Assert([.. whole.DWeight.Select(g => g * 0.25f)], quarter.DWeight, 1e-6, "dWeight");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_loss_is_the_same_without_recording(bool fused)
    {
        Func<Tensor, Parameter, Tensor, Tensor> op = fused ? Ops.LinearCrossEntropy : (x, w, t) => Ops.CrossEntropy(Ops.Linear(x, w, null), t);
        Assert.Equal(Run(Devices.Widest, 70, 33, 65, op).Loss, Run(Devices.Widest, 70, 33, 65, op, recording: false).Loss);
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Large_logits_neither_overflow_nor_vanish(SimdWidth width)
    {
        using var tape = new Tape(Devices.Of(width)) { Recording = true };
        tape.Reset();
        float[] logits = [.. Enumerable.Range(0, 17).Select(i => i == 3 ? 30000f : -30000f), .. Enumerable.Range(0, 17).Select(i => i == 3 ? 30000f : -30000f)];
        var x = tape.Input(logits, new Shape(2, 17));
        var loss = Ops.CrossEntropy(x, tape.Tokens([3, 16], 1, 2));
        tape.Backward(loss);
        Assert.Equal(30000, loss.Item());
        var gradient = new float[34];
        tape.Device.Read(x.Grad, gradient);
        Assert.Equal([.. Enumerable.Repeat(0f, 17), .. Enumerable.Range(0, 17).Select(i => i == 3 ? 0.5f : i == 16 ? -0.5f : 0)], gradient);
    }

    /// <summary>A trainer that watches for NaN must find it in the loss.</summary>
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void NaN_reaches_the_loss(SimdWidth width)
    {
        foreach (int at in (int[])[0, 7, 15, 16, 32])
        {
            using var tape = new Tape(Devices.Of(width));
            tape.Reset();
            var logits = RandomValues.Normal(33, seed: 1);
            logits[at] = float.NaN;
            Assert.True(float.IsNaN(Ops.CrossEntropy(tape.Input(logits, new Shape(1, 33)), tape.Tokens([5], 1, 1)).Item()), $"NaN at {at} was lost.");
        }
    }

    static int[] Targets(int rows, int vocabulary)
    {
        var targets = RandomValues.Ids(rows, vocabulary, seed: 11);
        targets[0] = vocabulary - 1;
        if (rows > 2) targets[2] = -1;
        return targets;
    }

    static (float Loss, float[] Dx, float[] DWeight) Run(Device device, int rows, int channels, int vocabulary,
        Func<Tensor, Parameter, Tensor, Tensor> op, float lossScale = 1, bool recording = true)
    {
        var weight = new Parameter("weight", new Shape(vocabulary, channels), std: 0.3f);
        using var store = new ParameterStore(device, [weight]);
        store.Initialize(1);
        using var tape = new Tape(device) { Recording = recording, LossScale = lossScale };
        tape.Reset();
        var x = tape.Input(RandomValues.Normal(rows * channels, seed: 2), new Shape(rows, channels));
        var loss = op(x, weight, tape.Tokens(Targets(rows, vocabulary), rows, 1));
        if (!recording) return (loss.Item(), [], []);
        tape.Backward(loss);
        var dx = new float[rows * channels];
        var dWeight = new float[vocabulary * channels];
        device.Read(x.Grad, dx);
        device.Read(weight.Grad, dWeight);
        return (loss.Item(), dx, dWeight);
    }
}
