namespace NanoGpt.Tensors.Cpu.Simd;

/// <summary>
/// A vector of fp32 lanes. Kernels are written once, generic over <typeparamref name="V"/>; the just-in-time compiler
/// makes one machine version for each width. <see cref="Simd512"/>, <see cref="Simd256"/>, <see cref="Simd128"/> and
/// <see cref="SimdScalar"/> implement it.
/// </summary>
internal unsafe interface ISimd<V> where V : unmanaged, ISimd<V>
{
    /// <summary>Lanes in one vector.</summary>
    static abstract int Count { get; }

    /// <summary>
    /// Rows of the matrix-multiplication micro-tile: 8 where there are 32 vector registers, 4 where there are 16.
    /// </summary>
    static abstract int TileRows { get; }

    static abstract V Load(float* p);

    /// <summary>Widens bf16 to fp32.</summary>
    static abstract V LoadNarrow(ushort* p);

    static abstract void Store(V v, float* p);

    /// <summary>The first <paramref name="count"/> lanes, fewer than <see cref="Count"/> and none where it is below 1; the others are 0, and their memory is not touched.</summary>
    static abstract V LoadPartial(float* p, int count);

    /// <summary>The same, where the other lanes are those of <paramref name="rest"/>.</summary>
    static abstract V LoadPartial(float* p, int count, V rest);

    /// <summary>Stores the first <paramref name="count"/> lanes, likewise.</summary>
    static abstract void StorePartial(V v, float* p, int count);

    static abstract V Create(float x);

    static abstract V operator +(V a, V b);
    static abstract V operator -(V a, V b);
    static abstract V operator *(V a, V b);
    static abstract V operator /(V a, V b);

    /// <summary>a·b + c, rounded once.</summary>
    static abstract V Fma(V a, V b, V c);
    static abstract V Min(V a, V b);
    static abstract V Max(V a, V b);
    static abstract V Sqrt(V a);

    /// <summary>Nearest integer, ties to even.</summary>
    static abstract V Round(V a);

    /// <summary>Nearest bf16, ties to even; NaN stays NaN.</summary>
    static abstract V RoundToBFloat16(V a);

    /// <summary>x · 2^n, where n holds whole numbers in [-126, 127].</summary>
    static abstract V TimesPowerOfTwo(V x, V n);

    /// <summary>Lane by lane: a &lt; b ? x : y.</summary>
    static abstract V SelectLess(V a, V b, V x, V y);

    /// <summary>Sum over the lanes, in an order fixed for the width.</summary>
    static abstract float Sum(V a);

    /// <summary>Largest lane.</summary>
    static abstract float MaxLane(V a);

    /// <summary>Transposes a Count × Count block: destination[c·destinationStride + r] = source[r·sourceStride + c].</summary>
    static abstract void Transpose(float* source, long sourceStride, float* destination, long destinationStride);
}
