using NanoGpt.Tensors.Cpu;
using static NanoGpt.Tensors.Tests.Operand;

namespace NanoGpt.Tensors.Tests;

public class LinearTests
{
    /// <summary>Around the edges of tiles (4 or 8 rows, 1 to 48 columns), of row blocks (64), of K blocks (512), and far from all of them.</summary>
    static readonly (int Rows, int Inputs, int Outputs)[] sizes =
    [
        (1, 1, 1), (1, 7, 3), (3, 1, 5), (7, 8, 9), (8, 16, 48), (9, 15, 17), (15, 33, 16), (16, 31, 49), (17, 47, 65), (33, 97, 33),
        (65, 49, 97), (64, 64, 96), (49, 48, 47), (130, 10, 31), (31, 65, 129), (100, 9, 1), (2, 3, 145), (1, 513, 1), (5, 513, 7), (6, 1100, 50), (520, 5, 3),
    ];

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Gradients_match_differences_with_bias(SimdWidth width)
    {
        foreach (var (rows, inputs, outputs) in sizes) Verify(Devices.Of(width), rows, inputs, outputs, bias: true);
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Gradients_match_differences_without_bias(SimdWidth width)
    {
        foreach (var (rows, inputs, outputs) in sizes) Verify(Devices.Of(width), rows, inputs, outputs, bias: false);
    }

    /// <summary>Sizes that nobody chose; a failure names its own.</summary>
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Any_size_is_right(SimdWidth width)
    {
        var random = new Random(2017);
        for (int n = 0; n < 20; n++)
            Verify(Devices.Of(width), random.Next(1, 100), random.Next(1, 70), random.Next(1, 120), bias: n % 2 == 0);
    }

    static void Verify(Device device, int rows, int inputs, int outputs, bool bias)
    {
        Operand[] operands = [Input(rows, inputs), Parameter(outputs, inputs)];
        if (bias) operands = [.. operands, Parameter(outputs)];
        GradientCheck.Verify(device,
            x => Ops.Linear(x[0], x.Parameter(1), bias ? x.Parameter(2) : null),
            x => Reference.Linear(x[0], x[1], bias ? x[2] : null, inputs),
            operands);
    }
}
