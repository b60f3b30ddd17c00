using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>Where a matrix is known to be zero: there nothing need be multiplied.</summary>
internal enum Triangle
{
    /// <summary>Nowhere.</summary>
    None,

    /// <summary>Above the diagonal: A(i, k) = 0 for k &gt; i.</summary>
    Lower,

    /// <summary>Below the diagonal: A(i, k) = 0 for k &lt; i.</summary>
    Upper,
}

/// <summary>
/// The left-hand side of a product: read in place, packed by each reader as it goes, or packed beforehand for all to read. One that is <paramref name="streamed"/>
/// comes from memory, a block of rows after the other.
/// </summary>
internal readonly unsafe struct LeftSide<V, F>(MatrixView source, PackedBlocks packed = default, bool streamed = false, Triangle triangle = Triangle.None) where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    /// <summary>A block of more elements (256 KB) is not asked for: it would push what is in use out of the second-level cache.</summary>
    const int MostAhead = 64 << 10;

    public int Rows => source.Rows;
    public int Columns => source.Columns;

    /// <summary>A matrix of which nothing was packed.</summary>
    public static implicit operator LeftSide<V, F>(MatrixView matrix) => new(matrix);

    /// <summary>Some rows of one block of k, as the micro-kernel takes them.</summary>
    /// <param name="row0">First row.</param>
    /// <param name="row1">End of the rows.</param>
    /// <param name="step0">First step of the block.</param>
    /// <param name="steps">Steps in the block.</param>
    /// <param name="depth">How many elements of k there are in all.</param>
    /// <param name="panels">How many panels of B they will be multiplied by.</param>
    /// <param name="scratch">Room to pack them, where nobody has.</param>
    public LeftTiles Block(int row0, int row1, int step0, int steps, int depth, int panels, float* scratch)
    {
        var tiles = Tiles(row0, row1, step0, steps, depth, panels, scratch);
        int ofTile = F.TileRows / F.Pairing, end = step0 + steps, firstEnd = (row0 + F.TileRows + F.Pairing - 1) / F.Pairing;
        return triangle switch
        {
            // Where all of the diagonal is in this block of k.
            Triangle.Lower when step0 * F.Pairing <= row0 && row1 <= end * F.Pairing => tiles with { Without = end - firstEnd, Longer = ofTile },
            Triangle.Upper when step0 == 0 && row0 == 0 && row1 <= end * F.Pairing => tiles with { Later = ofTile },
            _ => tiles,
        };
    }

    LeftTiles Tiles(int row0, int row1, int step0, int steps, int depth, int panels, float* scratch)
    {
        if (packed.Exist) return packed.At(row0, step0);
        if (F.ReadsInPlace(source, panels)) return new LeftTiles(source.Part(row0, row1 - row0, step0, steps), F.TileRows);
        return F.PackA(new MatrixView(source.Data, source.Rows, depth, source.RowStride, source.ColumnStride), row0, row1, step0, steps, scratch);
    }

    /// <summary>What will be read after that block: the next of the same rows, or the first of those below; nothing where memory is not waited for, or where it is too much.</summary>
    public Ahead Next(int row0, int row1, int step0, int stepBlock, int depth)
    {
        if (!streamed) return default;
        int length = stepBlock * F.Pairing, from = step0 * F.Pairing + length;
        if (from >= depth) (row0, row1, from) = (row1, row1 + (row1 - row0), 0);
        int rows = Math.Min(row1, source.Rows) - row0, columns = Math.Min(length, depth - from);
        return rows <= 0 || rows * columns > MostAhead ? default : Ahead.Of(source.Part(row0, rows, from, columns));
    }
}

/// <summary>Where the blocks of a packed left-hand side are: <paramref name="across"/> of them for each block of rows.</summary>
internal readonly unsafe struct PackedBlocks(LeftTiles* blocks, int rowBlock, int stepBlock, int across)
{
    public bool Exist => blocks != null;

    /// <summary>The block that begins with a row and a step.</summary>
    public LeftTiles At(int row0, int step0) => blocks[row0 / rowBlock * across + step0 / stepBlock];
}

/// <summary>Packs a left-hand side with all workers; its memory is kept from one use to the next.</summary>
internal sealed unsafe class LeftPacker<V, F>(WorkerPool pool) : IDisposable where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    readonly ScratchBuffer buffer = new();

    /// <summary>Packs a matrix, replacing what was there.</summary>
    /// <param name="a">The matrix.</param>
    /// <param name="rowBlock">Rows in a block, as they will be asked for.</param>
    /// <param name="stepBlock">Steps in a block of k, as the right side has it.</param>
    public LeftSide<V, F> Pack(MatrixView a, int rowBlock, int stepBlock)
    {
        int steps = (a.Columns + F.Pairing - 1) / F.Pairing, across = (steps + stepBlock - 1) / stepBlock, count = (a.Rows + rowBlock - 1) / rowBlock * across;
        long views = (count * (long)sizeof(LeftTiles) / sizeof(float) + 31) / 32 * 32, length = TileRunner<V, F>.PackedLength(Math.Min(rowBlock, a.Rows));
        float* memory = buffer.Get(views + count * length);
        var blocks = (LeftTiles*)memory;
        pool.Run(count, 1, new PackBlocksWork<V, F>(a, memory + views, length, rowBlock, stepBlock, across, blocks));
        return new(a, new(blocks, rowBlock, stepBlock, across));
    }

    public void Dispose() => buffer.Dispose();
}

internal readonly unsafe struct PackBlocksWork<V, F>(MatrixView a, float* destination, long length, int rowBlock, int stepBlock, int across, LeftTiles* blocks)
    : IWork where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    public void Run(int from, int to)
    {
        int steps = (a.Columns + F.Pairing - 1) / F.Pairing;
        for (int item = from; item < to; item++)
        {
            int row = item / across * rowBlock, step = item % across * stepBlock;
            blocks[item] = F.PackA(a, row, Math.Min(row + rowBlock, a.Rows), step, Math.Min(stepBlock, steps - step), destination + item * length);
        }
    }
}
