namespace NanoGpt.Tensors.Tests;

/// <summary>Operands that do not fit are refused where the operation is called, with its name and both shapes.</summary>
public class ShapeErrorTests
{
    [Fact]
    public void Add() => Refused(t => Input(t, 2, 3) + Input(t, 3, 2), "Add", "(2, 3)", "(3, 2)");

    [Fact]
    public void Linear() => Refused(t => Ops.Linear(Input(t, 2, 3), Weight(5, 4), null), "Linear", "(2, 3)", "(5, 4)");

    [Fact]
    public void Linear_bias() => Refused(t => Ops.Linear(Input(t, 2, 4), Weight(5, 4), Weight(4)), "Linear", "(4)", "(5, 4)");

    [Fact]
    public void LayerNorm() => Refused(t => Ops.LayerNorm(Input(t, 2, 3), Weight(4), null), "LayerNorm", "(2, 3)", "(4)");

    [Fact]
    public void LayerNorm_bias() => Refused(t => Ops.LayerNorm(Input(t, 2, 4), Weight(4), Weight(3)), "LayerNorm", "(2, 4)", "(3)");

    [Fact]
    public void Embedding_width() =>
        Refused(t => Ops.Embedding(t.Tokens([0, 1], 1, 2), Weight(5, 4), Weight(2, 3)), "Embedding", "(5, 4)", "(2, 3)");

    [Fact]
    public void Embedding_length() =>
        Refused(t => Ops.Embedding(t.Tokens([0, 1, 2], 1, 3), Weight(5, 4), Weight(2, 4)), "Embedding", "3", "2");

    [Fact]
    public void CausalAttention() =>
        Refused(t => Ops.CausalAttention(Input(t, 1, 2, 12), heads: 3, dropout: 0), "CausalAttention", "(1, 2, 12)", "3 heads");

    [Fact]
    public void CrossEntropy() =>
        Refused(t => Ops.CrossEntropy(Input(t, 2, 5), t.Tokens([0, 1, 2], 1, 3)), "CrossEntropy", "(2, 5)", "(1, 3)");

    [Fact]
    public void LinearCrossEntropy_width() =>
        Refused(t => Ops.LinearCrossEntropy(Input(t, 2, 5), Weight(7, 4), t.Tokens([0, 1], 1, 2)), "LinearCrossEntropy", "(2, 5)", "(7, 4)");

    [Fact]
    public void LinearCrossEntropy_targets() =>
        Refused(t => Ops.LinearCrossEntropy(Input(t, 2, 4), Weight(7, 4), t.Tokens([0, 1, 2], 1, 3)), "LinearCrossEntropy", "(2, 4)", "(1, 3)");

    [Fact]
    public void Tokens() => Refused(t => t.Tokens([1, 2, 3], 2, 2), "Tokens", "3", "(2, 2)");

    [Fact]
    public void Values() => Refused(t => t.Input([1, 2, 3], new Shape(2, 2)), "Input", "3", "(2, 2)");

    static Tensor Input(Tape tape, params ReadOnlySpan<int> sizes) => tape.New(new Shape(sizes));

    static Parameter Weight(params ReadOnlySpan<int> sizes) => new("weight", new Shape(sizes));

    static void Refused(Func<Tape, Tensor> op, params string[] named)
    {
        using var tape = new Tape(Devices.Widest) { Recording = true };
        tape.Reset();
        string message = Assert.Throws<ArgumentException>(() => op(tape)).Message;
        Assert.All(named, name => Assert.Contains(name, message, StringComparison.Ordinal));
    }
}
