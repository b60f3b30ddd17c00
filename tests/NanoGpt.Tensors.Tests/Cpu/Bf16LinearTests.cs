using NanoGpt.Tensors.Cpu;
using static NanoGpt.Tensors.Tests.Operand;

namespace NanoGpt.Tensors.Tests;

/// <summary>
/// Linear layers in bf16. A product of two bf16 is exact in fp32, so against operands rounded beforehand only the sums may
/// be off: |error| ≤ 4·√(K + 2)·u·(Σ|a·b| + |start|), u = 2⁻²⁴ (Higham and Mary 2019, rounding errors as independent;
/// the worst case would be K instead of 4·√K).
/// </summary>
public class Bf16LinearTests
{
    const double Fp32Unit = 1.0 / (1 << 24);

    /// <summary>At the edges of pairs, vectors, tiles (4 or 8 rows, up to 48 columns) and blocks of k (512 steps, 1,024 of pairs).</summary>
    static readonly (int Rows, int Inputs, int Outputs)[] edges =
    [
        (1, 1, 1), (1, 2, 1), (1, 3, 1), (2, 1, 3), (1, 33, 50), (50, 33, 1), (7, 8, 9), (8, 16, 48), (9, 17, 47), (15, 31, 49), (16, 32, 96),
        (17, 63, 97), (65, 129, 33), (4, 1023, 5), (3, 1024, 17), (5, 1025, 16), (6, 2049, 50), (1, 2500, 1), (1030, 5, 7), (393, 17, 40),
    ];

    /// <summary>Too large for one slice of k, or for one block of rows.</summary>
    static readonly (int Rows, int Inputs, int Outputs)[] large = [(450, 1201, 1301), (600, 200, 333)];

    [Theory, MemberData(nameof(Bf16.Paths), MemberType = typeof(Bf16))]
    public void Products_are_those_of_rounded_operands_at_the_edges(Bf16Path path)
    {
        foreach (var (rows, inputs, outputs) in edges) Verify(Bf16.Device(path), rows, inputs, outputs, accumulate: inputs % 2 == 0);
    }

    [Theory, MemberData(nameof(Bf16.Paths), MemberType = typeof(Bf16))]
    public void Products_are_those_of_rounded_operands_at_any_size(Bf16Path path)
    {
        var random = new Random(2024);
        for (int n = 0; n < 30; n++)
            Verify(Bf16.Device(path), random.Next(1, 130), random.Next(1, n % 5 == 0 ? 1500 : 150), random.Next(1, 130), accumulate: n % 2 == 0);
    }

    [Theory]
    [InlineData(Bf16Path.Tiles)]
    [InlineData(Bf16Path.Instruction)]
    [InlineData(Bf16Path.Rounded512)]
    public void Products_are_those_of_rounded_operands_in_large_matrices(Bf16Path path)
    {
        foreach (var (rows, inputs, outputs) in large) Verify(Bf16.Device(path), rows, inputs, outputs, accumulate: true);
    }

    /// <summary>Unrounded, each product is off by at most 2·2⁻⁸; that hardly ever all adds up. Gradients match differences of double precision.</summary>
    [Theory, MemberData(nameof(Bf16.Paths), MemberType = typeof(Bf16))]
    public void Gradients_match_differences_to_bf16(Bf16Path path)
    {
        foreach (var (rows, inputs, outputs) in ((int, int, int)[])[(1, 1, 1), (7, 9, 5), (33, 65, 17), (16, 48, 96), (3, 1025, 4)])
            GradientCheck.Verify(Bf16.Device(path),
                x => Ops.Linear(x[0], x.Parameter(1), x.Parameter(2)),
                x => Reference.Linear(x[0], x[1], x[2], inputs),
                5 * Bf16.Unit, Input(rows, inputs), Parameter(outputs, inputs), Parameter(outputs));
    }

    /// <summary>If operands were not rounded at all, the other tests would still hold to bf16: this one would not.</summary>
    [Theory, MemberData(nameof(Bf16.Paths), MemberType = typeof(Bf16))]
    public void Operands_are_in_fact_rounded(Bf16Path path)
    {
        var device = Bf16.Device(path);
        using var fence = new CanaryFence();
        Storage x = fence.Allocate(1), w = fence.Allocate(1), y = fence.Allocate(1);
        device.Write([1 + 1f / 1024], x);
        device.Write([1 - 1f / 4096], w);
        device.LinearForward(x, w, default, y, 1, 1, 1);
        Assert.Equal(1, device.ReadAll(y)[0]);
    }

    static void Verify(CpuDevice device, int rows, int inputs, int outputs, bool accumulate)
    {
        string what = $"{rows}×{inputs}×{outputs}{(accumulate ? ", accumulated" : "")}";
        float[] x = RandomValues.Normal((long)rows * inputs, 1), w = RandomValues.Normal((long)outputs * inputs, 2), bias = RandomValues.Normal(outputs, 3);
        float[] dy = RandomValues.Normal((long)rows * outputs, 4), dx = RandomValues.Normal(x.Length, 5), dw = RandomValues.Normal(w.Length, 6), db = RandomValues.Normal(outputs, 7);
        double[] rx = Bf16.Nearest(x), rw = Bf16.Nearest(w), rdy = Bf16.Nearest(dy);

        using var fence = new CanaryFence();
        Storage sx = fence.Put(x), sw = fence.Put(w), sb = fence.Put(bias), sdy = fence.Put(dy), sdx = fence.Put(dx), sdw = fence.Put(dw), sdb = fence.Put(db), sy = fence.Allocate(dy.Length);
        device.LinearForward(sx, sw, accumulate ? sb : default, sy, rows, inputs, outputs);
        device.LinearBackwardInput(sdy, sw, sdx, rows, inputs, outputs, accumulate);
        device.LinearBackwardWeight(sdy, sx, sdw, sdb, rows, inputs, outputs, accumulate);
        fence.AssertIntact(what);

        Compare($"y of {what}", device.ReadAll(sy), rows, outputs, inputs, (i, k) => rx[i * inputs + k], (k, j) => rw[j * inputs + k], (i, j) => accumulate ? bias[j] : 0);
        Compare($"dx of {what}", device.ReadAll(sdx), rows, inputs, outputs, (i, k) => rdy[i * outputs + k], (k, j) => rw[k * inputs + j], (i, j) => accumulate ? dx[i * inputs + j] : 0);
        Compare($"dw of {what}", device.ReadAll(sdw), outputs, inputs, rows, (i, k) => rdy[k * outputs + i], (k, j) => rx[k * inputs + j], (i, j) => accumulate ? dw[i * inputs + j] : 0);
        // A bias is no operand of a product: its gradient is summed as it is, in fp32.
        Compare($"db of {what}", device.ReadAll(sdb), 1, outputs, rows, (_, _) => 1, (k, j) => dy[k * outputs + j], (_, j) => db[j]);
    }

    /// <summary>C = start + A·B within the bound; of large results a random part is looked at.</summary>
    static void Compare(string what, float[] actual, int rows, int columns, int depth, Func<int, int, double> a, Func<int, int, double> b, Func<int, int, double> start)
    {
        const int looks = 4000;
        var random = new Random(rows);
        long count = (long)rows * columns;
        Assert.All(actual, value => Assert.True(float.IsFinite(value), what));
        for (long n = 0; n < Math.Min(count, looks); n++)
        {
            long at = count <= looks ? n : n == 0 ? 0 : n == 1 ? count - 1 : random.NextInt64(count);
            int i = (int)(at / columns), j = (int)(at % columns);
            double sum = start(i, j), size = Math.Abs(sum);
            for (int k = 0; k < depth; k++)
            {
                double product = a(i, k) * b(k, j);
                sum += product;
                size += Math.Abs(product);
            }
            double error = Math.Abs(actual[at] - sum), bound = 4 * Math.Sqrt(depth + 2) * Fp32Unit * size;
            if (!(error <= bound)) Assert.Fail($"{what}: {actual[at]} instead of {sum} at ({i}, {j}); {error:g3} off, allowed {bound:g3}.");
        }
    }
}
