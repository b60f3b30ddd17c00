using System.Runtime.InteropServices;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>The argument of an assembled tile. Strides in bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TileCall
{
    public const int OffsetA = 0, OffsetRowStride = 8, OffsetColumnStride = 16, OffsetB = 24, OffsetSteps = 32,
        OffsetStart = 40, OffsetStartStride = 48, OffsetC = 56, OffsetCStride = 64, OffsetLastMask = 72, OffsetCount = 80, OffsetTileStride = 88,
        OffsetAhead = 96, OffsetAheadStride = 104, OffsetAheadRows = 112, OffsetAheadLines = 120, OffsetAheadRowsOfTile = 128, OffsetAheadRowsLeft = 136,
        OffsetLonger = 144, OffsetLater = 152;

    public float* A;
    public long RowStride, ColumnStride;
    public float* B;
    public long Steps;
    public float* Start;
    public long StartStride;
    public float* C;
    public long CStride;
    public int* LastMask;       // a word for each column of the last vector, negative where it exists; null: all do
    public long Count;          // of tiles; for each but the first the kernel moves A, Start and C down, in a triangle also along k
    public long TileStride;     // of A: where its next tile begins
    public byte* Ahead;         // see Ahead
    public long AheadStride, AheadRows, AheadLines, AheadRowsOfTile, AheadRowsLeft;
    public long Longer;         // steps: each tile has so many more than the one before
    public long Later;          // of B: where its next tile begins
}

/// <summary>
/// The assembled micro-kernels of one instruction. The runtime is not told of a call (<c>SuppressGCTransition</c>), which may take up to a few hundred
/// microseconds; a garbage collection waits for so long.
/// </summary>
internal sealed unsafe class TileKernel
{
    /// <summary>16 words that are -1, then 16 that are 0: masks for any number of lanes.</summary>
    static readonly int* masks = Masks();

    /// <summary>The widest tile, in vectors.</summary>
    public const int MaxVectors = 3;

    /// <summary>For each number of vectors: for A by rows, by packed tiles, and any other way.</summary>
    readonly delegate* unmanaged[SuppressGCTransition]<TileCall*, void>[] kernels;
    readonly int rows, lanes;

    public TileKernel(TileInstruction instruction)
    {
        (rows, lanes) = TileAssembler.Shape(instruction);
        int?[] columnStrides = [1, rows, null];
        kernels = new delegate* unmanaged[SuppressGCTransition]<TileCall*, void>[columnStrides.Length * MaxVectors];
        Available = true;
        for (int i = 0; i < kernels.Length; i++)
        {
            var code = new TileAssembler(instruction, i % MaxVectors + 1, columnStrides[i / MaxVectors]).Write();
            kernels[i] = (delegate* unmanaged[SuppressGCTransition]<TileCall*, void>)ExecutableMemory.Place(code);
            Available &= kernels[i] != null;
        }
    }

    /// <summary>Whether this system let the code be placed.</summary>
    public bool Available { get; }

    /// <summary>Tiles below one another: see <see cref="MicroKernel{V}"/>; strides in words.</summary>
    public void Run(int count, int columns, int steps, LeftTiles a, float* b, float* start, long startStride, float* c, long cStride, Ahead ahead)
    {
        int vectors = (columns + lanes - 1) / lanes, last = columns - (vectors - 1) * lanes;
        var call = new TileCall
        {
            Count = count, A = a.Data, RowStride = a.RowStride * 4, ColumnStride = a.ColumnStride * 4, TileStride = (a.TileStride + a.Later * a.ColumnStride) * 4, B = b,
            Steps = steps - a.Without, Longer = a.Longer - a.Later, Later = (long)a.Later * vectors * lanes * 4,
            Start = start, StartStride = startStride * 4, C = c, CStride = cStride * 4, LastMask = last == lanes ? null : masks + 16 - last,
            Ahead = ahead.Data, AheadStride = ahead.Stride, AheadRows = ahead.Rows, AheadLines = ahead.Lines, AheadRowsOfTile = (ahead.Rows + count - 1) / count,
        };
        int way = a.ColumnStride == 1 ? 0 : a.ColumnStride == rows ? 1 : 2;
        kernels[way * MaxVectors + vectors - 1](&call);
    }

    static int* Masks()
    {
        int* words = (int*)NativeMemory.AlignedAlloc(32 * sizeof(int), 64);
        for (int i = 0; i < 32; i++) words[i] = i < 16 ? -1 : 0;
        return words;
    }
}
