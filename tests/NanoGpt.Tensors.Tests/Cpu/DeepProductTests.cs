using System.Runtime.InteropServices;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Tensors.Tests;

/// <summary>Gradients of weights over so many rows that their halves are summed apart.</summary>
public class DeepProductTests
{
    const double Unit = 1.0 / (1 << 24);

    /// <summary>One row less than is halved; just as many; odd halves; several blocks of rows; several slices; slices of which the second half has one less.</summary>
    static readonly (int Rows, int Inputs, int Outputs)[] sizes =
        [(767, 9, 7), (768, 1, 1), (769, 33, 17), (1601, 97, 130), (2050, 16, 300), (3001, 770, 20), (5825, 1536, 9)];

    /// <summary>|error| ≤ 4·√(K + 2)·u·(Σ|a·b| + |start|), u = 2⁻²⁴, as in <see cref="Bf16LinearTests"/>; and no bit depends on the threads.</summary>
    [Theory, MemberData(nameof(Devices.Widths), MemberType = typeof(Devices))]
    public void Halves_add_up_with_any_number_of_threads(SimdWidth width)
    {
        foreach (var (rows, inputs, outputs) in sizes)
            foreach (bool accumulate in (bool[])[false, true])
            {
                float[] x = RandomValues.Normal((long)rows * inputs, 1), dy = RandomValues.Normal((long)rows * outputs, 2), start = RandomValues.Normal((long)inputs * outputs, 3);
                string what = $"{rows}×{inputs}×{outputs}{(accumulate ? ", accumulated" : "")}";
                float[] one = Gradient(Devices.Of(width, 1), x, dy, start, rows, inputs, outputs, accumulate, what);
                for (int at = 0; at < one.Length; at += Math.Max(1, one.Length / 500))
                {
                    double sum = accumulate ? start[at] : 0, size = Math.Abs(sum);
                    for (int k = 0; k < rows; k++)
                    {
                        double product = (double)dy[k * outputs + at / inputs] * x[k * inputs + at % inputs];
                        sum += product;
                        size += Math.Abs(product);
                    }
                    double error = Math.Abs(one[at] - sum), bound = 4 * Math.Sqrt(rows + 2) * Unit * size;
                    Assert.True(error <= bound, $"{what}: {one[at]} instead of {sum} at {at}; {error:g3} off, allowed {bound:g3}.");
                }
                foreach (int threads in (int[])[2, 3, 5, 16])
                {
                    float[] many = Gradient(Devices.Of(width, threads), x, dy, start, rows, inputs, outputs, accumulate, what);
                    Assert.True(MemoryMarshal.AsBytes(many.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(one.AsSpan())), $"{what} differs between 1 and {threads} threads.");
                }
            }
    }

    static float[] Gradient(CpuDevice device, float[] x, float[] dy, float[] start, int rows, int inputs, int outputs, bool accumulate, string what)
    {
        using var fence = new CanaryFence();
        Storage sx = fence.Put(x), sdy = fence.Put(dy), dw = fence.Put(start);
        device.LinearBackwardWeight(sdy, sx, dw, default, rows, inputs, outputs, accumulate);
        fence.AssertIntact(what);
        return device.ReadAll(dw);
    }
}
