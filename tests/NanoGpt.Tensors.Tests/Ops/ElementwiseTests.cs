using NanoGpt.Tensors.Cpu;
using static NanoGpt.Tensors.Tests.Operand;

namespace NanoGpt.Tensors.Tests;

public class ElementwiseTests
{
    static readonly (int Rows, int Columns)[] sizes = [(1, 1), (1, 7), (3, 1), (5, 9), (2, 16), (7, 33), (129, 257)];

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Add(SimdWidth width)
    {
        foreach (var (rows, columns) in sizes)
            GradientCheck.Verify(Devices.Of(width), x => x[0] + x[1], x => Reference.Add(x[0], x[1]), Input(rows, columns), Input(rows, columns));
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Scale(SimdWidth width)
    {
        foreach (var (rows, columns) in sizes)
            GradientCheck.Verify(Devices.Of(width), x => Ops.Scale(x[0], -0.75f), x => Reference.Scale(x[0], -0.75), Input(rows, columns));
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Gelu(SimdWidth width)
    {
        foreach (var (rows, columns) in sizes)
            GradientCheck.Verify(Devices.Of(width), x => Ops.Gelu(x[0]), x => Reference.Gelu(x[0]), Input(rows, columns));
    }

    /// <summary>The branch is used up, so it is one that nobody else holds.</summary>
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Residual(SimdWidth width)
    {
        foreach (var (rows, columns) in sizes)
        {
            GradientCheck.Verify(Devices.Of(width), x => Ops.Residual(x[0], Ops.Scale(x[1], 0.5f)),
                x => Reference.Add(x[0], Reference.Scale(x[1], 0.5)), Input(rows, columns), Input(rows, columns));
            GradientCheck.Verify(Devices.Of(width), x => Ops.Residual(x[0], Ops.Scale(x[0], 0.5f)),
                x => Reference.Add(x[0], Reference.Scale(x[0], 0.5)), Input(rows, columns));
        }
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void GeluTanh(SimdWidth width)
    {
        foreach (var (rows, columns) in sizes)
            GradientCheck.Verify(Devices.Of(width), x => Ops.GeluTanh(x[0]), x => Reference.GeluTanh(x[0]), Input(rows, columns));
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void GeluTanh_and_its_gradient_are_right_over_the_whole_range(SimdWidth width)
    {
        float[] x = [.. Enumerable.Range(-3000, 6001).Select(i => i * 0.005f), -1e4f, 1e4f, float.Epsilon, 0];
        using var tape = new Tape(Devices.Of(width)) { Recording = true };
        var input = tape.Input(x, new Shape(x.Length));
        var y = Ops.GeluTanh(input);
        float[] value = y.ToArray(), slope = new float[x.Length];
        var ones = tape.Input(Enumerable.Repeat(1f, x.Length).ToArray(), y.Shape);
        var gradient = tape.NewStorage(x.Length);
        tape.Device.GeluTanhBackward(ones.Data, input.Data, gradient, accumulate: false);
        tape.Device.Read(gradient, slope);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i], u = Math.Sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v), t = Math.Tanh(u);
            double derivative = (1 + t) / 2 + v / 2 * (1 - t * t) * Math.Sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * v * v);
            Assert.Equal(v / 2 * (1 + t), value[i], 1e-6 * (1 + Math.Abs(v)));
            Assert.Equal(derivative, slope[i], 2e-6);
        }
    }

    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Gelu_is_exact_over_the_whole_range(SimdWidth width)
    {
        float[] x = [.. Enumerable.Range(-3000, 6001).Select(i => i * 0.005f), -1e30f, 1e30f, float.Epsilon, -float.Epsilon, 0];
        using var tape = new Tape(Devices.Of(width)) { Recording = true };
        tape.Reset();
        var input = tape.Input(x, new Shape(x.Length));
        var y = Ops.Gelu(input);
        tape.Backward(y);
        var values = y.ToArray();
        var slopes = new float[x.Length];
        tape.Device.Read(input.Grad, slopes);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i], phi = (1 + Reference.Erf(v / Math.Sqrt(2))) / 2, density = Math.Exp(-v * v / 2) / Math.Sqrt(2 * Math.PI);
            Assert.Equal(v * phi, values[i], 4e-7 * Math.Max(1, Math.Abs(v)));
            Assert.Equal(phi + v * density, slopes[i], 4e-7);
        }
    }
}
