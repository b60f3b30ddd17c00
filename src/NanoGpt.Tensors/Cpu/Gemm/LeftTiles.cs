namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>
/// Rows of A as the micro-kernel takes them, one tile's after another's: row i of tile t has its word of step k at
/// <c>Data[t·TileStride + i·RowStride + k·ColumnStride]</c>.
/// </summary>
internal readonly unsafe struct LeftTiles(float* data, int rows, long rowStride, long columnStride, long tileStride)
{
    public readonly float* Data = data;
    public readonly int Rows = rows;
    public readonly long RowStride = rowStride, ColumnStride = columnStride, TileStride = tileStride;

    /// <summary>Rows that follow one another without regard to tiles.</summary>
    public LeftTiles(MatrixView a, int tileRows) : this(a.Data, a.Rows, a.RowStride, a.ColumnStride, tileRows * a.RowStride) { }

    /// <summary>Steps at the end that the first tile need not multiply: they are zero in all its rows.</summary>
    public int Without { get; init; }

    /// <summary>By how many steps each tile ends after the one before.</summary>
    public int Longer { get; init; }

    /// <summary>By how many steps each tile begins after the one before.</summary>
    public int Later { get; init; }

    /// <summary>The least odd number of cache lines that holds so many words, in words: what lies at such distances stays out of each other's cache sets.</summary>
    public static long OddLines(long words) => ((words + 15) / 16 | 1) * 16;

    /// <summary>The same from a tile on, with all steps.</summary>
    public LeftTiles From(int tile, int tileRows) => new(Data + tile * TileStride, Rows - tile * tileRows, RowStride, ColumnStride, TileStride);
}
