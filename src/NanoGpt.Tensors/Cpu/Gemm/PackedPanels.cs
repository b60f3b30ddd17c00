using System.Runtime.CompilerServices;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>
/// How the columns of B are cut into panels of one to three vectors, and how K is cut into blocks.
/// Packed layout: K block, then panel, then k, then the panel's columns; columns past the last are zero.
/// </summary>
internal readonly unsafe struct PackedPanels<V> where V : unmanaged, ISimd<V>
{
    /// <summary>K block: a tile of A (8 × 512) fits in half of a 32 KB first-level cache.</summary>
    public const int MaxBlock = 512;

    readonly int columns, vectors;

    public PackedPanels(int k, int columns)
    {
        this.columns = columns;
        K = k;
        vectors = (columns + V.Count - 1) / V.Count;
        Panels = (vectors + MicroKernel<V>.MaxVectors - 1) / MicroKernel<V>.MaxVectors;
        int blocks = (k + MaxBlock - 1) / MaxBlock;
        BlockSize = (k + blocks - 1) / blocks;
    }

    public int K { get; }
    public int Panels { get; }
    public int BlockSize { get; }

    /// <summary>Floats that the packed matrix takes.</summary>
    public long Length => (long)K * vectors * V.Count;

    /// <summary>First vector of a panel. Vectors are dealt out evenly: 4 are 2 + 2, not 3 + 1, since narrow tiles are slower.</summary>
    int FirstVector(int panel) => (int)((long)vectors * panel / Panels);

    public int FirstColumn(int panel) => FirstVector(panel) * V.Count;
    public int Vectors(int panel) => FirstVector(panel + 1) - FirstVector(panel);
    public int Columns(int panel) => Math.Min(columns, FirstColumn(panel + 1)) - FirstColumn(panel);

    /// <summary>Where block <paramref name="k0"/> of a panel starts, in floats.</summary>
    public long Offset(int k0, int panel) =>
        (long)k0 * vectors * V.Count + (long)FirstColumn(panel) * Math.Min(BlockSize, K - k0);

    /// <summary>How many panels hold the first <paramref name="count"/> columns.</summary>
    public int PanelsFor(int count)
    {
        int panel = 0;
        while (panel < Panels && FirstColumn(panel) < count) panel++;
        return panel;
    }

    /// <summary>Packs all of B.</summary>
    public void PackAll(MatrixView b, float* packed)
    {
        for (int panel = 0; panel < Panels; panel++) Pack(b, panel, packed);
    }

    /// <summary>Packs one panel of B, every K block of it.</summary>
    public void Pack(MatrixView b, int panel, float* packed)
    {
        for (int k0 = 0; k0 < K; k0 += BlockSize) PackBlock(b, k0, Math.Min(BlockSize, K - k0), panel, packed + Offset(k0, panel));
    }

    /// <summary>Packs one K block of one panel of B.</summary>
    public void PackBlock(MatrixView b, int k0, int depth, int panel, float* destination)
    {
        int width = Vectors(panel) * V.Count, valid = Columns(panel), first = FirstColumn(panel);
        if (b.ColumnStride == 1) CopyRows(b.At(k0, first), b.RowStride, depth, valid, width, destination);
        else CopyColumns(b.At(k0, first), b.RowStride, b.ColumnStride, depth, valid, width, destination);
    }

    /// <summary>Row k of B is contiguous: copy it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void CopyRows(float* source, long rowStride, int depth, int valid, int width, float* destination)
    {
        for (int k = 0; k < depth; k++, source += rowStride, destination += width)
        {
            int j = 0;
            if (k + Prefetch.Rows < depth) Prefetch.Row(source + Prefetch.Rows * rowStride, valid);
            for (; j + V.Count <= valid; j += V.Count) V.Store(V.Load(source + j), destination + j);
            for (; j < valid; j++) destination[j] = source[j];
            for (; j < width; j++) destination[j] = 0;
        }
    }

    /// <summary>Column j of B is contiguous (or strided): transpose it, a square of vectors at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void CopyColumns(float* source, long rowStride, long columnStride, int depth, int valid, int width, float* destination)
    {
        int j = 0;
        if (rowStride == 1)
        {
            for (; j + V.Count <= valid; j += V.Count)
            {
                float* s = source + j * columnStride;
                float* d = destination + j;
                int k = 0;
                for (; k + V.Count <= depth; k += V.Count) V.Transpose(s + k, columnStride, d + (long)k * width, width);
                for (; k < depth; k++)
                    for (int c = 0; c < V.Count; c++) d[(long)k * width + c] = s[c * columnStride + k];
            }
        }
        for (; j < width; j++)
        {
            float* s = source + j * columnStride;
            float* d = destination + j;
            if (j < valid) for (int k = 0; k < depth; k++) d[(long)k * width] = s[k * rowStride];
            else for (int k = 0; k < depth; k++) d[(long)k * width] = 0;
        }
    }
}
