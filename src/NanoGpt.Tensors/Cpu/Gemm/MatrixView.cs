namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>A matrix in place: element (i, j) is at <c>Data[i·RowStride + j·ColumnStride]</c>.</summary>
internal readonly unsafe struct MatrixView(float* data, int rows, int columns, long rowStride, long columnStride)
{
    public readonly float* Data = data;
    public readonly int Rows = rows, Columns = columns;
    public readonly long RowStride = rowStride, ColumnStride = columnStride;

    /// <summary>A row-major matrix without gaps.</summary>
    public MatrixView(float* data, int rows, int columns) : this(data, rows, columns, columns, 1) { }

    /// <summary>The same memory, read by columns.</summary>
    public MatrixView Transposed => new(Data, Columns, Rows, ColumnStride, RowStride);

    /// <summary>Some rows and columns of it.</summary>
    public MatrixView Part(int row, int rows, int column, int columns) => new(At(row, column), rows, columns, RowStride, ColumnStride);

    public float* At(long row, long column) => Data + row * RowStride + column * ColumnStride;
}
