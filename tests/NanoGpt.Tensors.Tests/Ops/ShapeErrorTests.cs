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
    public void Linear_rank() => Refused(t => Ops.Linear(Input(t, 2, 3), Weight(5, 3, 1), null), "Linear", "weight (5, 3, 1)", "2 dimensions");

    [Fact]
    public void LayerNorm_rank() => Refused(t => Ops.LayerNorm(Input(t, 2, 3), Weight(3, 1), null), "LayerNorm", "weight (3, 1)", "1 dimension.");

    [Fact]
    public void Embedding_rank() => Refused(t => Ops.Embedding(Input(t, 2), Weight(5, 4), Weight(2, 4)), "Embedding", "ids (2)", "2 dimensions");

    [Fact]
    public void CausalAttention_rank() => Refused(t => Ops.CausalAttention(Input(t, 2, 12), heads: 1, dropout: 0), "CausalAttention", "qkv (2, 12)", "3 dimensions");

    [Fact]
    public void LinearCrossEntropy_rank() =>
        Refused(t => Ops.LinearCrossEntropy(Input(t, 2, 4), Weight(7, 4, 1), t.Tokens([0, 1], 1, 2)), "LinearCrossEntropy", "weight (7, 4, 1)", "2 dimensions");

    [Fact]
    public void LastPosition_rank() => Refused(t => Ops.LastPosition(Input(t, 2, 3)), "LastPosition", "x (2, 3)", "3 dimensions");

    [Fact]
    public void CausalAttention_of_nothing() => Refused(t => Ops.CausalAttention(Input(t, 1, 0, 12), heads: 1, dropout: 0), "CausalAttention", "qkv (1, 0, 12)");

    [Fact]
    public void CausalAttention_without_heads() => Refused(t => Ops.CausalAttention(Input(t, 1, 2, 12), heads: 0, dropout: 0), "CausalAttention", "0 heads");

    [Fact]
    public void Linear_of_nothing() => Refused(t => Ops.Linear(Input(t, 0, 3), Weight(5, 3), null), "Linear", "x (0, 3)");

    [Fact]
    public void LayerNorm_of_nothing() => Refused(t => Ops.LayerNorm(Input(t, 0, 3), Weight(3), null), "LayerNorm", "x (0, 3)");

    [Fact]
    public void CrossEntropy_of_nothing() => Refused(t => Ops.CrossEntropy(Input(t, 0, 5), t.Tokens([], 0, 1)), "CrossEntropy", "logits (0, 5)");

    [Theory]
    [InlineData(-0.1f)]
    [InlineData(1)]
    [InlineData(float.NaN)]
    public void Dropout(float probability)
    {
        Refused(t => Ops.Dropout(Input(t, 2), probability), "Dropout", $"{probability}");
        Refused(t => Ops.CausalAttention(Input(t, 1, 2, 12), heads: 1, probability), "CausalAttention", $"{probability}");
    }

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
