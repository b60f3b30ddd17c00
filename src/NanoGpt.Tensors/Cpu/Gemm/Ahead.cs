using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>
/// Memory that will be read next, asked for while tiles are multiplied, some rows with each tile: so it arrives beside the arithmetic. The processor's own
/// look-ahead follows runs of lines, and begins anew with each row.
/// </summary>
/// <param name="data">The first row.</param>
/// <param name="stride">From row to row, in bytes.</param>
/// <param name="rows">How many; none: nothing is asked for.</param>
/// <param name="lines">Cache lines of a row.</param>
internal readonly unsafe struct Ahead(byte* data, long stride, int rows, int lines)
{
    /// <summary>Bytes of a cache line.</summary>
    public const int Line = 64;

    public readonly byte* Data = data;
    public readonly long Stride = stride;
    public readonly int Rows = rows, Lines = lines;

    /// <summary>A matrix, in rows as they lie in memory.</summary>
    public static Ahead Of(MatrixView m)
    {
        if (m.ColumnStride != 1) m = m.Transposed;
        bool aligned = ((nint)m.Data | (nint)(m.RowStride * sizeof(float))) % Line == 0;
        return new((byte*)m.Data, m.RowStride * sizeof(float), m.Rows, (m.Columns * sizeof(float) + Line - 1) / Line + (aligned ? 0 : 1));
    }

    /// <summary>Words that follow one another, in rows of eight lines.</summary>
    public static Ahead Of(float* data, long words)
    {
        const int lines = 8, wordsOfRow = lines * Line / sizeof(float);
        return new((byte*)data, lines * Line, (int)((words + wordsOfRow - 1) / wordsOfRow), lines + ((nint)data % Line == 0 ? 0 : 1));
    }

    /// <summary>Asks for all of it at once.</summary>
    public void Ask()
    {
        for (int row = 0; row < Rows; row++) Prefetch.Row((float*)(Data + row * Stride), Lines * Line / sizeof(float));
    }

    /// <summary>One of so many parts of it, of about as many rows.</summary>
    public Ahead Part(int part, int parts)
    {
        int from = (int)((long)Rows * part / parts), to = (int)((long)Rows * (part + 1) / parts);
        return new(Data + from * Stride, Stride, to - from, Lines);
    }
}
