using NanoGpt.Tensors.Cpu;
using static NanoGpt.Tensors.Tests.Operand;

namespace NanoGpt.Tensors.Tests;

public class LayerNormTests
{
    static readonly (int Rows, int Channels)[] sizes =
        [(1, 3), (1, 64), (3, 7), (33, 3), (5, 15), (2, 16), (7, 17), (9, 31), (1, 768), (65, 33), (31, 65), (130, 97)];

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Gradients_match_differences_with_bias(SimdWidth width)
    {
        foreach (var (rows, channels) in sizes)
            GradientCheck.Verify(Devices.Of(width),
                x => Ops.LayerNorm(x[0], x.Parameter(1), x.Parameter(2)),
                x => Reference.LayerNorm(x[0], x[1], x[2]),
                Input(rows, channels), Parameter(channels), Parameter(channels));
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Gradients_match_differences_without_bias(SimdWidth width)
    {
        foreach (var (rows, channels) in sizes)
            GradientCheck.Verify(Devices.Of(width),
                x => Ops.LayerNorm(x[0], x.Parameter(1), null),
                x => Reference.LayerNorm(x[0], x[1], null),
                Input(rows, channels), Parameter(channels));
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void A_single_column_is_its_own_mean(SimdWidth width) =>
        GradientCheck.Verify(Devices.Of(width),
            x => Ops.LayerNorm(x[0], x.Parameter(1), x.Parameter(2)),
            x => Reference.LayerNorm(x[0], x[1], x[2]),
            Input(5, 1), Parameter(1), Parameter(1));

    /// <summary>Two columns always become ±1: the gradient is what ε leaves of a difference of nearly equal numbers.</summary>
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Two_columns_have_hardly_a_gradient(SimdWidth width) =>
        GradientCheck.Verify(Devices.Of(width),
            x => Ops.LayerNorm(x[0], x.Parameter(1), x.Parameter(2)),
            x => Reference.LayerNorm(x[0], x[1], x[2]),
            tolerance: 2e-3,
            Input(5, 2), Parameter(2), Parameter(2));

    /// <summary>The variance is formed from differences to the mean: E[x²] - E[x]² would leave nothing here.</summary>
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void A_large_mean_does_not_drown_the_variance(SimdWidth width)
    {
        const int channels = 77;
        var device = Devices.Of(width);
        float[] x = [.. RandomValues.Normal(channels, seed: 1).Select(v => 4096 + v)];
        var weight = new Parameter("weight", new Shape(channels), constant: 1);
        using var store = new ParameterStore(device, [weight]);
        store.Initialize(1);
        using var tape = new Tape(device);
        tape.Reset();
        var y = Ops.LayerNorm(tape.Input(x, new Shape(1, channels)), weight, null);
        Closeness.Assert(Reference.LayerNorm([.. x.Select(v => (double)v)], [.. Enumerable.Repeat(1.0, channels)], null), y.ToArray(), 5e-3, "y");
    }
}
