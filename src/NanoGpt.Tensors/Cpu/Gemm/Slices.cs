using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>
/// How a B is cut into slices, so that a packed one is still in the cache when it is read. With several of columns A is read again, with several of k C is read and
/// written again. The former are half as many where there are the latter anyway: A is then packed less often, and longer rows of B.
/// </summary>
internal readonly struct Slices<V, F> where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    /// <summary>Columns of a slice where there are many: about as many as it then has steps.</summary>
    const int ManyColumns = 768;

    /// <param name="rows">Rows of B.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="length">The most words of a packed slice.</param>
    public Slices(int rows, int columns, int length)
    {
        int most = length * F.Pairing, columnsOfSlice = rows <= most / ManyColumns ? ManyColumns : 2 * ManyColumns;
        Depth = Cut(rows, most / Math.Min(columns, columnsOfSlice), PackedPanels<V>.Grain * F.Pairing);
        Width = Cut(columns, most / Math.Min(rows, Depth), MicroKernel<V>.MaxVectors * V.Count);
    }

    /// <summary>Rows of a slice.</summary>
    public int Depth { get; }

    /// <summary>Columns of a slice.</summary>
    public int Width { get; }

    /// <summary>How long the slices of a length are, alike, if it is cut at multiples of a grain: none is a whole grain longer than <paramref name="most"/>.</summary>
    public static int Cut(int length, int most, int grain)
    {
        int slices = (length + most - 1) / most;
        return ((length + slices - 1) / slices + grain - 1) / grain * grain;
    }
}
