using System.Runtime.CompilerServices;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>Operands as they are, fp32; a step is one element of k.</summary>
internal readonly unsafe struct Fp32Format<V> : IFormat<V> where V : unmanaged, ISimd<V>
{
    public static int Pairing => 1;

    public static int TileRows => V.TileRows;

    public static bool AsksAhead => MicroKernel<V>.Assembled != null;

    /// <summary>Rows are read in place. Reading columns touches a new page for every k: worth a copy when several panels will read it.</summary>
    public static bool ReadsInPlace(MatrixView a, int panels) => a.ColumnStride == 1 || panels < 3;

    public static void Tiles(int count, int columns, int steps, LeftTiles a, float* b, float* start, long startStride, float* c, long cStride, Ahead ahead) =>
        MicroKernel<V>.Run(count, columns, steps, a, b, start, startStride, c, cStride, ahead);

    public static void PackB(MatrixView b, int step0, int steps, int column, ReadOnlySpan<int> widths, float* block, int within, int blockSteps) =>
        FloatPacker<V, Exact>.PackB(b, step0, steps, column, widths, block, within, blockSteps);

    public static LeftTiles PackA(MatrixView a, int row0, int row1, int step0, int steps, float* destination) =>
        FloatPacker<V, Exact>.PackA(a, row0, row1, step0, steps, destination);

    /// <summary>Twelve independent accumulators: enough to keep two pipes of latency 4 to 6 busy.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Peak(int rounds)
    {
        V m = V.Create(0.5f), d = V.Create(1f);
        V a = d, b = d, c = d, e = d, f = d, g = d, h = d, i = d, j = d, k = d, l = d, n = d;
        for (int r = 0; r < rounds; r++)
        {
            a = V.Fma(a, m, d); b = V.Fma(b, m, d); c = V.Fma(c, m, d); e = V.Fma(e, m, d);
            f = V.Fma(f, m, d); g = V.Fma(g, m, d); h = V.Fma(h, m, d); i = V.Fma(i, m, d);
            j = V.Fma(j, m, d); k = V.Fma(k, m, d); l = V.Fma(l, m, d); n = V.Fma(n, m, d);
        }
        float sum = V.Sum(a + b + c + e + (f + g + h + i) + (j + k + l + n));
        return sum > 0 ? 2.0 * 12 * V.Count * rounds : 0;       // always the former, but the compiler must not know
    }
}
