using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>The right-hand side of a product: packed beforehand for all to read, or packed by each reader as it goes.</summary>
internal readonly unsafe struct RightSide<V, F> where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    /// <summary>A packed B up to this (512 KB) stays in a second-level cache.</summary>
    const int NearLength = 1 << 17;

    /// <summary>A second-level cache of so many bytes has room for a block of A, a panel of B and the next.</summary>
    const int RoomForPanels = 2 << 20;

    readonly float* packed;
    readonly MatrixView source;

    RightSide(PackedPanels<V> panels, float* packed, MatrixView source)
    {
        Panels = panels;
        this.packed = packed;
        this.source = source;
    }

    public PackedPanels<V> Panels { get; }

    /// <summary>Whether all of it stays in a second-level cache.</summary>
    public bool IsNear => Panels.Length <= NearLength;

    /// <summary>Whether a reader asks for the next packed panel while it multiplies by one.</summary>
    public bool AsksForPanels => packed != null && !IsNear && Caches.SecondLevel >= RoomForPanels;

    /// <summary>How a matrix will be cut.</summary>
    public static PackedPanels<V> Cut(int rows, int columns) => new((rows + F.Pairing - 1) / F.Pairing, columns);

    /// <summary>A matrix to be packed a block at a time, by whoever reads it.</summary>
    public static RightSide<V, F> AsItIs(MatrixView b) => new(Cut(b.Rows, b.Columns), null, b);

    /// <summary>A matrix that is, or is about to be, packed at a place.</summary>
    public static RightSide<V, F> PackedAt(float* packed, PackedPanels<V> panels) => new(panels, packed, default);

    /// <summary>Packs a whole matrix at a place.</summary>
    public static RightSide<V, F> Pack(MatrixView b, float* packed)
    {
        var side = PackedAt(packed, Cut(b.Rows, b.Columns));
        for (int panel = 0; panel < side.Panels.Panels; panel++) side.PackPanel(b, panel);
        return side;
    }

    /// <summary>Packs every block of one panel.</summary>
    public void PackPanel(MatrixView b, int panel)
    {
        for (int step = 0; step < Panels.Steps; step += Panels.BlockSize)
            PackBlock(b, step, Math.Min(Panels.BlockSize, Panels.Steps - step), panel, packed + Panels.Offset(step, panel));
    }

    /// <summary>Packs some steps of every panel; they must not reach over the end of a block.</summary>
    public void PackSteps(MatrixView b, int step0, int steps)
    {
        int within = step0 % Panels.BlockSize, block = step0 - within;
        const int most = 64;
        int* widths = stackalloc int[most];
        for (int panel = 0; panel < Panels.Panels; panel += most)
        {
            int count = Math.Min(most, Panels.Panels - panel);
            for (int i = 0; i < count; i++) widths[i] = Panels.Vectors(panel + i) * V.Count;
            F.PackB(b, step0, steps, Panels.FirstColumn(panel), new(widths, count), packed + Panels.Offset(block, panel), within, Math.Min(Panels.BlockSize, Panels.Steps - block));
        }
    }

    /// <summary>One block of one panel, packed; in <paramref name="scratch"/> if it was not.</summary>
    public float* Block(int step0, int steps, int panel, float* scratch)
    {
        if (packed != null) return packed + Panels.Offset(step0, panel);
        PackBlock(source, step0, steps, panel, scratch);
        return scratch;
    }

    /// <summary>What will be read for one block of a panel, by one who packs as he goes or from where it is packed; nothing where that is near.</summary>
    public Ahead Source(int step0, int panel)
    {
        if (step0 >= Panels.Steps) return default;
        if (packed != null) return AsksForPanels ? Ahead.Of(packed + Panels.Offset(step0, panel), Math.Min(Panels.BlockSize, Panels.Steps - step0) * (long)Panels.Vectors(panel) * V.Count) : default;
        int row = step0 * F.Pairing;
        int rows = Math.Min(Panels.BlockSize * F.Pairing, source.Rows - row);
        return Ahead.Of(source.Part(row, rows, Panels.FirstColumn(panel), Panels.Columns(panel)));
    }

    void PackBlock(MatrixView b, int step0, int steps, int panel, float* destination)
    {
        int width = Panels.Vectors(panel) * V.Count;
        F.PackB(b, step0, steps, Panels.FirstColumn(panel), new(in width), destination, 0, steps);
    }
}
