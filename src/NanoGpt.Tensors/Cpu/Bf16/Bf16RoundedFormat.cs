using System.Runtime.CompilerServices;
using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Bf16;

/// <summary>
/// bf16 for processors or systems without the instruction: operands are rounded to bf16 while they are packed and multiplied
/// as fp32. The same precision, at the speed of fp32.
/// </summary>
internal readonly unsafe struct Bf16RoundedFormat<V> : IFormat<V> where V : unmanaged, ISimd<V>
{
    public static int Pairing => 1;

    public static int TileRows => V.TileRows;

    public static bool AsksAhead => MicroKernel<V>.Assembled != null;

    public static bool ReadsInPlace(MatrixView a, int panels) => false;

    public static void Tiles(int count, int columns, int steps, LeftTiles a, float* b, float* start, long startStride, float* c, long cStride, Ahead ahead) =>
        MicroKernel<V>.Run(count, columns, steps, a, b, start, startStride, c, cStride, ahead);

    public static void PackB(MatrixView b, int step0, int steps, int column, ReadOnlySpan<int> widths, float* block, int within, int blockSteps) =>
        FloatPacker<V, NearestBf16>.PackB(b, step0, steps, column, widths, block, within, blockSteps);

    public static LeftTiles PackA(MatrixView a, int row0, int row1, int step0, int steps, float* destination)
    {
        if (a.ColumnStride != 1) return FloatPacker<V, NearestBf16>.PackA(a, row0, row1, step0, steps, destination);
        int rows = row1 - row0, rowsUp = (rows + TileRows - 1) / TileRows * TileRows;
        long stride = LeftTiles.OddLines(steps);
        for (int r = 0; r < rows; r++) FloatPacker<V, NearestBf16>.Copy(a.At(row0 + r, step0), destination + r * stride, steps);
        for (int r = rows; r < rowsUp; r++) new Span<float>(destination + r * stride, steps).Clear();
        return new LeftTiles(new MatrixView(destination, rowsUp, steps, stride, 1), TileRows);
    }

    public static double Peak(int rounds) => Fp32Format<V>.Peak(rounds);
}

/// <summary>To the nearest bf16, ties to even.</summary>
internal readonly struct NearestBf16 : IRounding
{
    public static bool IsExact => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Of<V>(V x) where V : unmanaged, ISimd<V> => V.RoundToBFloat16(x);
}
