namespace NanoGpt.Tensors.Tests;

/// <summary>Parameters without the memory that an operation needs are refused by name, before a kernel looks for it.</summary>
public class ParameterErrorTests
{
    [Fact]
    public void Of_no_store()
    {
        Refused(x => Ops.Linear(x, new Parameter("loose", new Shape(3, 4)), null), "loose");
        Refused(x => Ops.LayerNorm(x, new Parameter("loose", new Shape(4)), null), "loose");
        Refused(x => Ops.Embedding(x.Tape.Tokens([0], 1, 1), new Parameter("loose", new Shape(3, 4)), new Parameter("positions", new Shape(1, 4))), "positions");
        Refused(x => Ops.LinearCrossEntropy(x, new Parameter("loose", new Shape(3, 4)), x.Tape.Tokens([0], 1, 1)), "loose");
    }

    [Fact]
    public void Without_memory_for_gradients()
    {
        var weight = new Parameter("fixed", new Shape(3, 4), std: 1);
        using var store = new ParameterStore(Devices.Widest, [weight], gradients: false);
        store.Initialize(1);
        Refused(x =>
        {
            x.Tape.Recording = true;
            x.Tape.Backward(Ops.Linear(x, weight, null));
        }, "fixed");
    }

    [Fact]
    public void Narrow_where_fp32_is_read()
    {
        Parameter weight = new("head", new Shape(3, 4), std: 1), positions = new("positions", new Shape(1, 4));
        using var store = new ParameterStore(Devices.Widest, [weight, positions], gradients: false);
        store.Initialize(1);
        store.Narrow();
        Refused(x => Ops.LinearCrossEntropy(x, weight, x.Tape.Tokens([0], 1, 1)), "LinearCrossEntropy", "head", "bf16");
        Refused(x => Ops.LinearCrossEntropyByRow(x, weight, x.Tape.Tokens([0], 1, 1)), "LinearCrossEntropyByRow", "head", "bf16");
        Refused(x =>
        {
            x.Tape.Recording = true;
            Ops.LinearCrossEntropy(x, weight, x.Tape.Tokens([0], 1, 1));
        }, "head", "bf16");
        Refused(x =>
        {
            x.Tape.Recording = true;
            Ops.Linear(x, weight, null);
        }, "Linear", "head", "bf16");
        Refused(x =>
        {
            x.Tape.Recording = true;
            Ops.Embedding(x.Tape.Tokens([0], 1, 1), weight, positions);
        }, "Embedding", "bf16");
    }

    static void Refused(Action<Tensor> op, params string[] named)
    {
        using var tape = new Tape(Devices.Widest);
        var x = tape.Input([1, 2, 3, 4], new Shape(1, 4));
        string message = Assert.Throws<InvalidOperationException>(() => op(x)).Message;
        Assert.All(named, name => Assert.Contains(name, message, StringComparison.Ordinal));
    }
}
