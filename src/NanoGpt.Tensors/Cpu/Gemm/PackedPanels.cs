using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>
/// How the columns of B are cut into panels of one to three vectors, and how its steps of k are cut into blocks.
/// Packed layout: block, then panel, then step, then the panel's columns; columns past the last are zero.
/// </summary>
internal readonly struct PackedPanels<V> where V : unmanaged, ISimd<V>
{
    /// <summary>
    /// The longest block, in steps: 192 packed rows of A by so many fit in a second-level cache, of 1 MB where vectors have 16 lanes, of 512 KB elsewhere.
    /// </summary>
    public static int MaxBlock => V.Count == 16 ? 768 : 384;

    /// <summary>Steps that the widest of multiply instructions takes at once: k is cut at multiples of it, so that only its end is a tail.</summary>
    public const int Grain = 16;

    readonly int columns, vectors;

    public PackedPanels(int steps, int columns)
    {
        this.columns = columns;
        Steps = steps;
        vectors = (columns + V.Count - 1) / V.Count;
        Panels = (vectors + MicroKernel<V>.MaxVectors - 1) / MicroKernel<V>.MaxVectors;
        int blocks = (steps + MaxBlock - 1) / MaxBlock;
        BlockSize = ((steps + blocks - 1) / blocks + Grain - 1) / Grain * Grain;
    }

    public int Steps { get; }
    public int Panels { get; }
    public int BlockSize { get; }

    /// <summary>Words that the packed matrix takes.</summary>
    public long Length => (long)Steps * vectors * V.Count;

    /// <summary>First vector of a panel. Vectors are dealt out evenly: 4 are 2 + 2, not 3 + 1, since narrow tiles are slower.</summary>
    int FirstVector(int panel) => (int)((long)vectors * panel / Panels);

    public int FirstColumn(int panel) => FirstVector(panel) * V.Count;
    public int Vectors(int panel) => FirstVector(panel + 1) - FirstVector(panel);
    public int Columns(int panel) => Math.Min(columns, FirstColumn(panel + 1)) - FirstColumn(panel);

    /// <summary>Where the block of a panel that begins with <paramref name="step0"/> starts, in words.</summary>
    public long Offset(int step0, int panel) =>
        (long)step0 * vectors * V.Count + (long)FirstColumn(panel) * Math.Min(BlockSize, Steps - step0);

    /// <summary>How many panels hold the first <paramref name="count"/> columns.</summary>
    public int PanelsFor(int count)
    {
        int panel = 0;
        while (panel < Panels && FirstColumn(panel) < count) panel++;
        return panel;
    }
}
