using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>The right-hand side of a product: packed beforehand for all to read, or packed by each reader as it goes.</summary>
internal readonly unsafe struct RightSide<V> where V : unmanaged, ISimd<V>
{
    readonly float* packed;
    readonly MatrixView source;

    /// <summary>Packed beforehand.</summary>
    public RightSide(PackedPanels<V> panels, float* packed)
    {
        Panels = panels;
        this.packed = packed;
    }

    /// <summary>As it is, to be packed a block at a time.</summary>
    public RightSide(PackedPanels<V> panels, MatrixView source) => (Panels, this.source) = (panels, source);

    public PackedPanels<V> Panels { get; }

    /// <summary>One K block of one panel, packed; in <paramref name="scratch"/> if it was not.</summary>
    public float* Block(int k0, int depth, int panel, float* scratch)
    {
        if (packed != null) return packed + Panels.Offset(k0, panel);
        Panels.PackBlock(source, k0, depth, panel, scratch);
        return scratch;
    }
}
