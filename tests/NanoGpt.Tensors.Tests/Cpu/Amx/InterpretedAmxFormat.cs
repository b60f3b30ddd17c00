using NanoGpt.Tensors.Cpu.Amx;
using NanoGpt.Tensors.Cpu.Gemm;

namespace NanoGpt.Tensors.Tests;

/// <summary><see cref="AmxFormat"/> with its kernels interpreted: the packing and all loops around them are those of the processor's.</summary>
readonly unsafe struct InterpretedAmxFormat : IFormat<Lanes16>
{
    public static int Pairing => AmxFormat.Pairing;
    public static int TileRows => AmxFormat.TileRows;
    public static bool AsksAhead => AmxFormat.AsksAhead;
    public static bool ReadsInPlace(MatrixView a, int panels) => AmxFormat.ReadsInPlace(a, panels);

    public static void PackB(MatrixView b, int step0, int steps, int column, ReadOnlySpan<int> widths, float* block, int within, int blockSteps) =>
        AmxFormat.PackB(b, step0, steps, column, widths, block, within, blockSteps);

    public static LeftTiles PackA(MatrixView a, int row0, int row1, int step0, int steps, float* destination) =>
        AmxFormat.PackA(a, row0, row1, step0, steps, destination);

    public static void Tiles(int count, int columns, int steps, LeftTiles a, float* b, float* start, long startStride, float* c, long cStride, Ahead ahead) =>
        AmxKernel.Run<InterpretedMachine>(count, columns, steps, a, b, start, startStride, c, cStride);

    public static void Finish() => AmxKernel.Release<InterpretedMachine>();

    public static double Peak(int rounds) => throw new NotSupportedException("An interpreter has no peak.");
}
