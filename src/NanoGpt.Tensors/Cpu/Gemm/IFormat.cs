using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>
/// In which form the operands of a product reach the multipliers: fp32, or pairs of bf16. The loops around are the same. A
/// <em>step</em> is what one multiply-add consumes of k: one element, or a pair; in memory it is one 4-byte word either way.
/// </summary>
internal unsafe interface IFormat<V> where V : unmanaged, ISimd<V>
{
    /// <summary>Elements of k in a step.</summary>
    static abstract int Pairing { get; }

    /// <summary>Rows of a tile of C.</summary>
    static abstract int TileRows { get; }

    /// <summary>Whether A can be read where it lies; otherwise a block of it is packed first.</summary>
    static abstract bool ReadsInPlace(MatrixView a, int panels);

    /// <summary>Packs some steps of some panels of B: for each step a panel's words side by side, those that B has no columns for zero.</summary>
    /// <param name="b">The whole matrix.</param>
    /// <param name="step0">First step.</param>
    /// <param name="steps">How many.</param>
    /// <param name="column">First column of the first panel.</param>
    /// <param name="widths">Words of each panel's steps.</param>
    /// <param name="block">The first panel's packed block, to which the steps belong; those of the next ones follow.</param>
    /// <param name="within">The first step's place in the block.</param>
    /// <param name="blockSteps">Steps of the block.</param>
    static abstract void PackB(MatrixView b, int step0, int steps, int column, ReadOnlySpan<int> widths, float* block, int within, int blockSteps);

    /// <summary>Packs a block of A; rows up to a whole number of tiles are zero.</summary>
    static abstract LeftTiles PackA(MatrixView a, int row0, int row1, int step0, int steps, float* destination);

    /// <summary>The micro-kernel: C = start + A·B for <paramref name="count"/> tiles below one another, of so many columns (see <see cref="MicroKernel{V}"/>). Beside it, some memory may be asked for.</summary>
    static abstract void Tiles(int count, int columns, int steps, LeftTiles a, float* b, float* start, long startStride, float* c, long cStride, Ahead ahead);

    /// <summary>Whether the micro-kernel asks for what is ahead.</summary>
    static abstract bool AsksAhead { get; }

    /// <summary>Follows the last tile of a run: gives up what the processor keeps from tile to tile, if it keeps anything.</summary>
    static virtual void Finish() { }

    /// <summary>Multiply-adds from registers alone, on this thread: what the silicon can do. Returns their floating-point operations.</summary>
    static abstract double Peak(int rounds);
}
