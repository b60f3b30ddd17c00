using NanoGpt.Tensors.Cpu;
using static NanoGpt.Tensors.Tests.Operand;

namespace NanoGpt.Tensors.Tests;

/// <summary>
/// The head and its loss in bf16. Logits are products of rounded operands, so losses are exact to fp32. The gradient of the
/// logits is rounded in turn when it is multiplied: with dz unrounded, dx = dz·w is off by at most 2⁻⁸·Σ|dz·w|, and fp32's share.
/// </summary>
public class Bf16HeadTests
{
    static readonly (int Rows, int Channels, int Vocabulary)[] sizes =
        [(1, 1, 1), (1, 1, 2), (1, 7, 65), (65, 3, 1), (7, 17, 33), (9, 16, 48), (63, 33, 65), (130, 127, 97), (5, 1025, 49), (70, 5, 1003)];

    [Theory, MemberData(nameof(Bf16.Paths), MemberType = typeof(Bf16))]
    public void Losses_and_gradients_are_those_of_rounded_operands(Bf16Path path)
    {
        foreach (var (rows, channels, vocabulary) in sizes) Verify(Bf16.Device(path), rows, channels, vocabulary, accumulate: rows % 2 == 0);
        var random = new Random(11);
        for (int n = 0; n < 10; n++) Verify(Bf16.Device(path), random.Next(1, 150), random.Next(1, 90), random.Next(1, 200), accumulate: n % 2 == 0);
    }

    /// <summary>Several blocks of rows: the gradient of the weights gathers from all of them.</summary>
    [Theory]
    [InlineData(Bf16Path.Tiles)]
    [InlineData(Bf16Path.Instruction)]
    [InlineData(Bf16Path.Rounded512)]
    public void Blocks_of_rows_add_up(Bf16Path path) => Verify(Bf16.Device(path), rows: 410, channels: 5, vocabulary: 50257, accumulate: false);

    [Theory, MemberData(nameof(Bf16.Paths), MemberType = typeof(Bf16))]
    public void Gradients_match_differences_to_bf16(Bf16Path path)
    {
        foreach (var (rows, channels, vocabulary) in ((int, int, int)[])[(1, 3, 2), (7, 5, 3), (9, 16, 17), (33, 17, 65)])
        {
            var targets = RandomValues.Ids(rows, vocabulary, 8);
            GradientCheck.Verify(Bf16.Device(path),
                x => Ops.LinearCrossEntropy(x[0], x.Parameter(1), x.Tape.Tokens(targets, rows, 1)),
                x => Reference.CrossEntropy(Reference.Linear(x[0], x[1], null, channels), targets),
                8 * Bf16.Unit, Input(rows, channels), Parameter(vocabulary, channels));
        }
    }

    static void Verify(CpuDevice device, int rows, int channels, int vocabulary, bool accumulate)
    {
        const float scale = 0.25f;
        string what = $"{rows}×{channels}×{vocabulary}{(accumulate ? ", accumulated" : "")}";
        float[] x = RandomValues.Normal((long)rows * channels, 1), w = RandomValues.Normal((long)vocabulary * channels, 2, std: 1 / Math.Sqrt(channels));
        float[] before = RandomValues.Normal(w.Length, 3);
        var targets = RandomValues.Ids(rows, vocabulary, 4);
        using var fence = new CanaryFence();
        Storage sx = fence.Allocate(x.Length), sw = fence.Allocate(w.Length), st = fence.Allocate(rows), losses = fence.Allocate(rows);
        Storage sdx = fence.Allocate(x.Length), sdw = fence.Allocate(w.Length);
        device.Write(x, sx);
        device.Write(w, sw);
        device.Write(targets, st);
        device.Write(before, sdw);
        device.LinearCrossEntropy(sx, sw, st, losses, sdx, sdw, rows, channels, vocabulary, scale, accumulate);
        fence.AssertIntact(what);

        double[] rx = Bf16.Nearest(x), rw = Bf16.Nearest(w), z = Reference.Linear(rx, rw, null, channels);
        double[] dx = new double[x.Length], dxSize = new double[x.Length], dw = new double[w.Length], dwSize = new double[w.Length], loss = new double[rows];
        for (int i = 0; i < rows; i++)
        {
            var row = z.AsSpan(i * vocabulary, vocabulary);
            double sum = 0;
            foreach (double v in row) sum += Math.Exp(v);
            loss[i] = Math.Log(sum) - row[targets[i]];
            for (int v = 0; v < vocabulary; v++)
            {
                double p = Math.Exp(row[v]) / sum, onehot = v == targets[i] ? 1 : 0, dz = (p - onehot) * scale;
                double bound = Bf16.Unit * Math.Abs(dz) + 1e-5 * (p + onehot) * scale;
                for (int c = 0; c < channels; c++)
                {
                    int atX = i * channels + c, atW = v * channels + c;
                    dx[atX] += dz * rw[atW];
                    dxSize[atX] += bound * Math.Abs(rw[atW]);
                    dw[atW] += dz * rx[atX];
                    dwSize[atW] += bound * Math.Abs(rx[atX]);
                }
            }
        }
        if (accumulate)
            for (int i = 0; i < dw.Length; i++)
            {
                dw[i] += before[i];
                dwSize[i] += 1e-6 * Math.Abs(before[i]);
            }

        Bounds.Assert(loss, [.. loss.Select(l => 2e-6 * (1 + Math.Abs(l)))], device.ReadAll(losses), $"losses of {what}");
        Bounds.Assert(dx, dxSize, device.ReadAll(sdx), $"dx of {what}");
        Bounds.Assert(dw, dwSize, device.ReadAll(sdw), $"dw of {what}");
    }
}
