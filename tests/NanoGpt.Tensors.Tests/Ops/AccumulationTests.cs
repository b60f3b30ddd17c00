using NanoGpt.Tensors.Cpu;
using static NanoGpt.Tensors.Tests.Operand;

namespace NanoGpt.Tensors.Tests;

/// <summary>
/// Gradients where paths meet: a tensor with several users gets the sum of what flows back from each, however the tape
/// hands buffers on.
/// </summary>
public class AccumulationTests
{
    static CpuDevice Device => Devices.Widest;

    [Fact]
    public void A_tensor_added_to_itself() =>
        GradientCheck.Verify(Device, x => x[0] + x[0], x => Reference.Scale(x[0], 2), Input(3, 19));

    [Fact]
    public void A_residual_branch_on_the_right() =>
        GradientCheck.Verify(Device, x => x[0] + Ops.Gelu(x[0]), x => Reference.Add(x[0], Reference.Gelu(x[0])), Input(3, 19));

    [Fact]
    public void A_residual_branch_on_the_left() =>
        GradientCheck.Verify(Device, x => Ops.Gelu(x[0]) + x[0], x => Reference.Add(x[0], Reference.Gelu(x[0])), Input(3, 19));

    [Fact]
    public void A_chain_of_residual_branches() =>
        GradientCheck.Verify(Device,
            x =>
            {
                var y = x[0];
                for (int i = 0; i < 4; i++) y += Ops.Scale(Ops.Gelu(y), 0.5f);
                return y;
            },
            x =>
            {
                var y = x[0];
                for (int i = 0; i < 4; i++) y = Reference.Add(y, Reference.Scale(Reference.Gelu(y), 0.5));
                return y;
            },
            Input(3, 19));

    [Fact]
    public void Two_tensors_that_share_an_ancestor() =>
        GradientCheck.Verify(Device,
            x =>
            {
                Tensor a = Ops.Gelu(x[0]), b = Ops.Scale(a, 3), c = a + b;
                return (c + a) + (b + x[0]);
            },
            x =>
            {
                var a = Reference.Gelu(x[0]);
                return Reference.Add(Reference.Scale(a, 8), x[0]);
            },
            Input(3, 19));

    [Fact]
    public void One_input_of_two_linear_layers_with_one_weight_twice() =>
        GradientCheck.Verify(Device,
            x => Ops.Linear(x[0], x.Parameter(1), x.Parameter(2)) + Ops.Linear(Ops.Gelu(Ops.Linear(x[0], x.Parameter(1), null)), x.Parameter(1), x.Parameter(2)),
            x => Reference.Add(
                Reference.Linear(x[0], x[1], x[2], 17),
                Reference.Linear(Reference.Gelu(Reference.Linear(x[0], x[1], null, 17)), x[1], x[2], 17)),
            Input(5, 17), Parameter(17, 17), Parameter(17));

    [Fact]
    public void One_input_of_every_operation() =>
        GradientCheck.Verify(Device,
            x => Ops.CausalAttention(Ops.Linear(x[0], x.Parameter(1), null), 2, dropout: 0) + Ops.LayerNorm(x[0], x.Parameter(2), null) + (Ops.Gelu(x[0]) + Ops.Scale(x[0], 2)),
            x => Reference.Add(
                Reference.Add(Reference.CausalAttention(Reference.Linear(x[0], x[1], null, 8), 5, 2, 4), Reference.LayerNorm(x[0], x[2], null)),
                Reference.Add(Reference.Gelu(x[0]), Reference.Scale(x[0], 2))),
            Input(2, 5, 8), Parameter(24, 8), Parameter(8));

    /// <summary>The embedding table is the head as well, as in GPT-2.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_table_tied_to_the_head(bool fused)
    {
        const int batch = 2, time = 5, channels = 8, vocabulary = 11;
        int[] ids = RandomValues.Ids(batch * time, vocabulary, seed: 1), targets = RandomValues.Ids(batch * time, vocabulary, seed: 2);
        GradientCheck.Verify(Device,
            x =>
            {
                var features = Ops.Gelu(Ops.Embedding(x.Tape.Tokens(ids, batch, time), x.Parameter(0), x.Parameter(1)));
                var wanted = x.Tape.Tokens(targets, batch, time);
                return fused
                    ? Ops.LinearCrossEntropy(features, x.Parameter(0), wanted)
                    : Ops.CrossEntropy(Ops.Linear(features, x.Parameter(0), null), wanted);
            },
            x => Reference.CrossEntropy(Reference.Linear(Reference.Gelu(Reference.Embedding(ids, x[0], x[1], time, channels)), x[0], null, channels), targets),
            Parameter(vocabulary, channels), Parameter(time, channels));
    }

    [Fact]
    public void A_branch_that_the_loss_does_not_see_gets_nothing()
    {
        using var tape = new Tape(Device) { Recording = true };
        tape.Reset();
        Tensor seen = tape.Input([1, 2], new Shape(1, 2)), unseen = tape.Input([3, 4], new Shape(1, 2));
        _ = Ops.Gelu(unseen);
        tape.Backward(Ops.Scale(seen, 2));
        Assert.True(unseen.Grad.IsNone);
        Assert.False(seen.Grad.IsNone);
    }

    /// <summary>k micro-batches at LossScale 1/k are one batch k times as large.</summary>
    [Fact]
    public void Micro_batches_add_up_to_the_batch()
    {
        const int rows = 12, channels = 16, vocabulary = 65;
        var x = RandomValues.Normal(rows * channels, seed: 1);
        var targets = RandomValues.Ids(rows, vocabulary, seed: 2);

        float[] Gradient(int microBatches)
        {
            var weight = new Parameter("weight", new Shape(vocabulary, channels), std: 0.3f);
            using var store = new ParameterStore(Device, [weight]);
            store.Initialize(1);
            using var tape = new Tape(Device) { Recording = true, LossScale = 1f / microBatches };
            int share = rows / microBatches;
            for (int micro = 0; micro < microBatches; micro++)
            {
                tape.Reset(0, micro);
                var input = tape.Input(x.AsSpan(micro * share * channels, share * channels), new Shape(share, channels));
                tape.Backward(Ops.LinearCrossEntropy(Ops.Gelu(input), weight, tape.Tokens(targets.AsSpan(micro * share, share), share, 1)));
            }
            var gradient = new float[vocabulary * channels];
            Device.Read(weight.Grad, gradient);
            return gradient;
        }

        var whole = Gradient(1);
        Closeness.Assert(whole, Gradient(3), 1e-6, "dWeight of 3 micro-batches");
        Closeness.Assert(whole, Gradient(12), 1e-6, "dWeight of 12 micro-batches");
    }
}
