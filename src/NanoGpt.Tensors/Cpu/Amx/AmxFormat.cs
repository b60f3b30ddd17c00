using NanoGpt.Tensors.Cpu.Bf16;
using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Amx;

/// <summary>
/// The same operands as in <see cref="Bf16Format"/>, multiplied a tile at a time, for processors with AMX. B packed for vectors is B packed for tiles. Rows
/// of A always lie in one piece, since that is how a tile is loaded.
/// </summary>
internal readonly unsafe struct AmxFormat : IFormat<Simd512>
{
    const int Side = TileConfiguration.Side;

    public static int Pairing => 2;

    public static int TileRows => AmxKernel.Rows;

    public static bool AsksAhead => false;

    public static bool ReadsInPlace(MatrixView a, int panels) => false;

    public static void Tiles(int count, int columns, int steps, LeftTiles a, float* b, float* start, long startStride, float* c, long cStride, Ahead ahead) =>
        AmxKernel.Run<AmxKernel.Processor>(count, columns, steps, a, b, start, startStride, c, cStride);

    public static void Finish() => AmxKernel.Release<AmxKernel.Processor>();

    public static double Peak(int rounds) => AmxKernel.Peak(rounds);

    public static void PackB(MatrixView b, int step0, int steps, int column, ReadOnlySpan<int> widths, float* block, int within, int blockSteps) =>
        Bf16Format.PackB(b, step0, steps, column, widths, block, within, blockSteps);

    public static LeftTiles PackA(MatrixView a, int row0, int row1, int step0, int steps, float* destination)
    {
        if (a.RowStride != 1 || a.ColumnStride == 1) return Bf16Format.PackRows(a, row0, row1, step0, steps, TileRows, destination);
        // Rows lie across: pairs of them for 16 steps, some columns wide, then squares turned to where they belong.
        const int strip = 4 * Side;
        float* pairs = stackalloc float[Side * strip];
        int rows = row1 - row0, rowsUp = (rows + TileRows - 1) / TileRows * TileRows;
        long stride = LeftTiles.OddLines(steps);
        int depth = Math.Min(2 * steps, a.Columns - 2 * step0);
        for (int s = 0; s < steps; s += Side)
            for (int r = 0; r < rowsUp; r += strip)
            {
                Bf16Format.PackAcross(a.At(row0 + r, 2L * (step0 + s)), a.ColumnStride, Math.Min(2 * Side, depth - 2 * s), Math.Clamp(rows - r, 0, strip), strip, pairs);
                for (int i = 0; i < Math.Min(strip, rowsUp - r); i += Side) Simd512.Transpose(pairs + i, strip, destination + (r + i) * stride + s, stride);
            }
        return new LeftTiles(new MatrixView(destination, rowsUp, steps, stride, 1), TileRows);
    }
}
