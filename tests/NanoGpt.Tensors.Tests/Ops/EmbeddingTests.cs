using NanoGpt.Tensors.Cpu;
using static NanoGpt.Tensors.Tests.Operand;

namespace NanoGpt.Tensors.Tests;

public class EmbeddingTests
{
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Gradients_match_differences(SimdWidth width)
    {
        (int Batch, int Time, int Channels, int Vocabulary, int Positions)[] sizes =
            [(1, 1, 1, 1, 1), (2, 5, 7, 11, 5), (3, 4, 16, 3, 9), (2, 17, 33, 65, 64), (4, 100, 129, 65, 100), (2, 9, 5, 50257, 9)];
        foreach (var (batch, time, channels, vocabulary, positions) in sizes)
        {
            // Few ids for many places: most rows are reached several times.
            var ids = RandomValues.Ids(batch * time, vocabulary, seed: 3);
            GradientCheck.Verify(Devices.Of(width),
                x => Ops.Embedding(x.Tape.Tokens(ids, batch, time), x.Parameter(0), x.Parameter(1)),
                x => Reference.Embedding(ids, x[0], x[1], time, channels),
                Parameter(vocabulary, channels), Parameter(positions, channels));
        }
    }

    [Fact]
    public void A_row_that_is_not_named_gets_no_gradient()
    {
        var device = Devices.Widest;
        Parameter tokens = new("tokens", new Shape(4, 3)), positions = new("positions", new Shape(2, 3));
        using var store = new ParameterStore(device, [tokens, positions]);
        using var tape = new Tape(device) { Recording = true };
        tape.Reset();
        tape.Backward(Ops.Embedding(tape.Tokens([1, 3, 3, 3], 2, 2), tokens, positions));
        var gradient = new float[12];
        device.Read(tokens.Grad, gradient);
        Assert.Equal([0, 0, 0, 1, 1, 1, 0, 0, 0, 3, 3, 3], gradient);
    }
}
