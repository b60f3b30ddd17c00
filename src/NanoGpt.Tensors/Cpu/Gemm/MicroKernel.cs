using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Gemm;

/// <summary>
/// The innermost loops of matrix multiplication: a tile of C stays in registers while k runs.
/// <code>
/// C[i, j] = start[i, j] + Σ_k A[i, k] · B[k, j]        i &lt; 8 or 4 rows, j &lt; 1 to 3 vectors
/// </code>
/// A is read by one broadcast per row and k, through strides, so a transposed operand, too, can be read where it lies. B comes packed: for each k, the tile's columns side by side.
/// <c>start</c> may be null (zero), C itself (accumulate), or a row with stride 0 (bias).
/// With 32 vector registers an 8 × 3 tile takes 24 accumulators, 3 of B and 1 of A; with 16, a 4 × 3 tile takes 12 + 3 + 1.
/// </summary>
internal static unsafe class MicroKernel<V> where V : unmanaged, ISimd<V>
{
    /// <summary>The widest tile, in vectors.</summary>
    public const int MaxVectors = TileKernel.MaxVectors;

    /// <summary>The same, assembled; null where there is no such code for these vectors or this system.</summary>
    public static readonly TileKernel? Assembled = Assemble();

    /// <summary><paramref name="count"/> tiles below one another. Assembled, they ask for what is <paramref name="ahead"/>.</summary>
    public static void Run(int count, int columns, int k, LeftTiles a, float* b, float* start, long startStride, float* c, long cStride, Ahead ahead)
    {
        if (Assembled is { } kernel)
        {
            kernel.Run(count, columns, k, a, b, start, startStride, c, cStride, ahead);
            return;
        }
        float* row = a.Data;
        int width = (columns + V.Count - 1) / V.Count * V.Count;
        k -= a.Without;
        for (; count > 0; count--)
        {
            RunManaged(columns, k, row, a.RowStride, a.ColumnStride, b, start, startStride, c, cStride);
            row += a.TileStride + a.Later * a.ColumnStride;
            b += a.Later * width;
            k += a.Longer - a.Later;
            c += V.TileRows * cStride;
            if (start != null) start += V.TileRows * startStride;
        }
    }

    static TileKernel? Assemble()
    {
        TileInstruction? instruction =
            typeof(V) == typeof(Simd512) && Avx512F.IsSupported ? TileInstruction.Fma512
            : typeof(V) == typeof(Simd256) && Avx2.IsSupported && Fma.IsSupported ? TileInstruction.Fma256 : null;
        return instruction is { } i && new TileKernel(i) is { Available: true } kernel ? kernel : null;
    }

    /// <summary>One tile, without assembled code.</summary>
    public static void RunManaged(int columns, int k, float* a, long rs, long cs, float* b, float* start, long startStride, float* c, long cStride)
    {
        int vectors = (columns + V.Count - 1) / V.Count, last = columns - (vectors - 1) * V.Count;
        if (V.TileRows == 8)
        {
            if (vectors == 3) Tile8x3(last, k, a, rs, cs, b, start, startStride, c, cStride);
            else if (vectors == 2) Tile8x2(last, k, a, rs, cs, b, start, startStride, c, cStride);
            else Tile8x1(last, k, a, rs, cs, b, start, startStride, c, cStride);
        }
        else
        {
            if (vectors == 3) Tile4x3(last, k, a, rs, cs, b, start, startStride, c, cStride);
            else if (vectors == 2) Tile4x2(last, k, a, rs, cs, b, start, startStride, c, cStride);
            else Tile4x1(last, k, a, rs, cs, b, start, startStride, c, cStride);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile8x3(int last, int k, float* a, long rs, long cs, float* b, float* start, long startStride, float* c, long cStride)
    {
        V c00 = default, c01 = default, c02 = default;
        V c10 = default, c11 = default, c12 = default;
        V c20 = default, c21 = default, c22 = default;
        V c30 = default, c31 = default, c32 = default;
        V c40 = default, c41 = default, c42 = default;
        V c50 = default, c51 = default, c52 = default;
        V c60 = default, c61 = default, c62 = default;
        V c70 = default, c71 = default, c72 = default;
        float* a3 = a + 3 * rs;
        float* a6 = a + 6 * rs;
        for (; k > 0; k--)
        {
            V b0 = V.Load(b), b1 = V.Load(b + V.Count), b2 = V.Load(b + 2 * V.Count);
            V x = V.Create(a[0]); c00 = V.Fma(x, b0, c00); c01 = V.Fma(x, b1, c01); c02 = V.Fma(x, b2, c02);
            x = V.Create(a[rs]); c10 = V.Fma(x, b0, c10); c11 = V.Fma(x, b1, c11); c12 = V.Fma(x, b2, c12);
            x = V.Create(a[2 * rs]); c20 = V.Fma(x, b0, c20); c21 = V.Fma(x, b1, c21); c22 = V.Fma(x, b2, c22);
            x = V.Create(a3[0]); c30 = V.Fma(x, b0, c30); c31 = V.Fma(x, b1, c31); c32 = V.Fma(x, b2, c32);
            x = V.Create(a3[rs]); c40 = V.Fma(x, b0, c40); c41 = V.Fma(x, b1, c41); c42 = V.Fma(x, b2, c42);
            x = V.Create(a3[2 * rs]); c50 = V.Fma(x, b0, c50); c51 = V.Fma(x, b1, c51); c52 = V.Fma(x, b2, c52);
            x = V.Create(a6[0]); c60 = V.Fma(x, b0, c60); c61 = V.Fma(x, b1, c61); c62 = V.Fma(x, b2, c62);
            x = V.Create(a6[rs]); c70 = V.Fma(x, b0, c70); c71 = V.Fma(x, b1, c71); c72 = V.Fma(x, b2, c72);
            b += 3 * V.Count;
            a += cs; a3 += cs; a6 += cs;
        }
        if (start != null)
        {
            c00 += V.Load(start); c01 += V.Load(start + V.Count); c02 += LoadLast(start + 2 * V.Count, last); start += startStride;
            c10 += V.Load(start); c11 += V.Load(start + V.Count); c12 += LoadLast(start + 2 * V.Count, last); start += startStride;
            c20 += V.Load(start); c21 += V.Load(start + V.Count); c22 += LoadLast(start + 2 * V.Count, last); start += startStride;
            c30 += V.Load(start); c31 += V.Load(start + V.Count); c32 += LoadLast(start + 2 * V.Count, last); start += startStride;
            c40 += V.Load(start); c41 += V.Load(start + V.Count); c42 += LoadLast(start + 2 * V.Count, last); start += startStride;
            c50 += V.Load(start); c51 += V.Load(start + V.Count); c52 += LoadLast(start + 2 * V.Count, last); start += startStride;
            c60 += V.Load(start); c61 += V.Load(start + V.Count); c62 += LoadLast(start + 2 * V.Count, last); start += startStride;
            c70 += V.Load(start); c71 += V.Load(start + V.Count); c72 += LoadLast(start + 2 * V.Count, last);
        }
        V.Store(c00, c); V.Store(c01, c + V.Count); StoreLast(c02, c + 2 * V.Count, last); c += cStride;
        V.Store(c10, c); V.Store(c11, c + V.Count); StoreLast(c12, c + 2 * V.Count, last); c += cStride;
        V.Store(c20, c); V.Store(c21, c + V.Count); StoreLast(c22, c + 2 * V.Count, last); c += cStride;
        V.Store(c30, c); V.Store(c31, c + V.Count); StoreLast(c32, c + 2 * V.Count, last); c += cStride;
        V.Store(c40, c); V.Store(c41, c + V.Count); StoreLast(c42, c + 2 * V.Count, last); c += cStride;
        V.Store(c50, c); V.Store(c51, c + V.Count); StoreLast(c52, c + 2 * V.Count, last); c += cStride;
        V.Store(c60, c); V.Store(c61, c + V.Count); StoreLast(c62, c + 2 * V.Count, last); c += cStride;
        V.Store(c70, c); V.Store(c71, c + V.Count); StoreLast(c72, c + 2 * V.Count, last);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile8x2(int last, int k, float* a, long rs, long cs, float* b, float* start, long startStride, float* c, long cStride)
    {
        V c00 = default, c01 = default;
        V c10 = default, c11 = default;
        V c20 = default, c21 = default;
        V c30 = default, c31 = default;
        V c40 = default, c41 = default;
        V c50 = default, c51 = default;
        V c60 = default, c61 = default;
        V c70 = default, c71 = default;
        float* a3 = a + 3 * rs;
        float* a6 = a + 6 * rs;
        for (; k > 0; k--)
        {
            V b0 = V.Load(b), b1 = V.Load(b + V.Count);
            V x = V.Create(a[0]); c00 = V.Fma(x, b0, c00); c01 = V.Fma(x, b1, c01);
            x = V.Create(a[rs]); c10 = V.Fma(x, b0, c10); c11 = V.Fma(x, b1, c11);
            x = V.Create(a[2 * rs]); c20 = V.Fma(x, b0, c20); c21 = V.Fma(x, b1, c21);
            x = V.Create(a3[0]); c30 = V.Fma(x, b0, c30); c31 = V.Fma(x, b1, c31);
            x = V.Create(a3[rs]); c40 = V.Fma(x, b0, c40); c41 = V.Fma(x, b1, c41);
            x = V.Create(a3[2 * rs]); c50 = V.Fma(x, b0, c50); c51 = V.Fma(x, b1, c51);
            x = V.Create(a6[0]); c60 = V.Fma(x, b0, c60); c61 = V.Fma(x, b1, c61);
            x = V.Create(a6[rs]); c70 = V.Fma(x, b0, c70); c71 = V.Fma(x, b1, c71);
            b += 2 * V.Count;
            a += cs; a3 += cs; a6 += cs;
        }
        if (start != null)
        {
            c00 += V.Load(start); c01 += LoadLast(start + V.Count, last); start += startStride;
            c10 += V.Load(start); c11 += LoadLast(start + V.Count, last); start += startStride;
            c20 += V.Load(start); c21 += LoadLast(start + V.Count, last); start += startStride;
            c30 += V.Load(start); c31 += LoadLast(start + V.Count, last); start += startStride;
            c40 += V.Load(start); c41 += LoadLast(start + V.Count, last); start += startStride;
            c50 += V.Load(start); c51 += LoadLast(start + V.Count, last); start += startStride;
            c60 += V.Load(start); c61 += LoadLast(start + V.Count, last); start += startStride;
            c70 += V.Load(start); c71 += LoadLast(start + V.Count, last);
        }
        V.Store(c00, c); StoreLast(c01, c + V.Count, last); c += cStride;
        V.Store(c10, c); StoreLast(c11, c + V.Count, last); c += cStride;
        V.Store(c20, c); StoreLast(c21, c + V.Count, last); c += cStride;
        V.Store(c30, c); StoreLast(c31, c + V.Count, last); c += cStride;
        V.Store(c40, c); StoreLast(c41, c + V.Count, last); c += cStride;
        V.Store(c50, c); StoreLast(c51, c + V.Count, last); c += cStride;
        V.Store(c60, c); StoreLast(c61, c + V.Count, last); c += cStride;
        V.Store(c70, c); StoreLast(c71, c + V.Count, last);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile8x1(int last, int k, float* a, long rs, long cs, float* b, float* start, long startStride, float* c, long cStride)
    {
        V c00 = default;
        V c10 = default;
        V c20 = default;
        V c30 = default;
        V c40 = default;
        V c50 = default;
        V c60 = default;
        V c70 = default;
        float* a3 = a + 3 * rs;
        float* a6 = a + 6 * rs;
        for (; k > 0; k--)
        {
            V b0 = V.Load(b);
            V x = V.Create(a[0]); c00 = V.Fma(x, b0, c00);
            x = V.Create(a[rs]); c10 = V.Fma(x, b0, c10);
            x = V.Create(a[2 * rs]); c20 = V.Fma(x, b0, c20);
            x = V.Create(a3[0]); c30 = V.Fma(x, b0, c30);
            x = V.Create(a3[rs]); c40 = V.Fma(x, b0, c40);
            x = V.Create(a3[2 * rs]); c50 = V.Fma(x, b0, c50);
            x = V.Create(a6[0]); c60 = V.Fma(x, b0, c60);
            x = V.Create(a6[rs]); c70 = V.Fma(x, b0, c70);
            b += V.Count;
            a += cs; a3 += cs; a6 += cs;
        }
        if (start != null)
        {
            c00 += LoadLast(start, last); start += startStride;
            c10 += LoadLast(start, last); start += startStride;
            c20 += LoadLast(start, last); start += startStride;
            c30 += LoadLast(start, last); start += startStride;
            c40 += LoadLast(start, last); start += startStride;
            c50 += LoadLast(start, last); start += startStride;
            c60 += LoadLast(start, last); start += startStride;
            c70 += LoadLast(start, last);
        }
        StoreLast(c00, c, last); c += cStride;
        StoreLast(c10, c, last); c += cStride;
        StoreLast(c20, c, last); c += cStride;
        StoreLast(c30, c, last); c += cStride;
        StoreLast(c40, c, last); c += cStride;
        StoreLast(c50, c, last); c += cStride;
        StoreLast(c60, c, last); c += cStride;
        StoreLast(c70, c, last);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile4x3(int last, int k, float* a, long rs, long cs, float* b, float* start, long startStride, float* c, long cStride)
    {
        V c00 = default, c01 = default, c02 = default;
        V c10 = default, c11 = default, c12 = default;
        V c20 = default, c21 = default, c22 = default;
        V c30 = default, c31 = default, c32 = default;
        float* a3 = a + 3 * rs;
        for (; k > 0; k--)
        {
            V b0 = V.Load(b), b1 = V.Load(b + V.Count), b2 = V.Load(b + 2 * V.Count);
            V x = V.Create(a[0]); c00 = V.Fma(x, b0, c00); c01 = V.Fma(x, b1, c01); c02 = V.Fma(x, b2, c02);
            x = V.Create(a[rs]); c10 = V.Fma(x, b0, c10); c11 = V.Fma(x, b1, c11); c12 = V.Fma(x, b2, c12);
            x = V.Create(a[2 * rs]); c20 = V.Fma(x, b0, c20); c21 = V.Fma(x, b1, c21); c22 = V.Fma(x, b2, c22);
            x = V.Create(a3[0]); c30 = V.Fma(x, b0, c30); c31 = V.Fma(x, b1, c31); c32 = V.Fma(x, b2, c32);
            b += 3 * V.Count;
            a += cs; a3 += cs;
        }
        if (start != null)
        {
            c00 += V.Load(start); c01 += V.Load(start + V.Count); c02 += LoadLast(start + 2 * V.Count, last); start += startStride;
            c10 += V.Load(start); c11 += V.Load(start + V.Count); c12 += LoadLast(start + 2 * V.Count, last); start += startStride;
            c20 += V.Load(start); c21 += V.Load(start + V.Count); c22 += LoadLast(start + 2 * V.Count, last); start += startStride;
            c30 += V.Load(start); c31 += V.Load(start + V.Count); c32 += LoadLast(start + 2 * V.Count, last);
        }
        V.Store(c00, c); V.Store(c01, c + V.Count); StoreLast(c02, c + 2 * V.Count, last); c += cStride;
        V.Store(c10, c); V.Store(c11, c + V.Count); StoreLast(c12, c + 2 * V.Count, last); c += cStride;
        V.Store(c20, c); V.Store(c21, c + V.Count); StoreLast(c22, c + 2 * V.Count, last); c += cStride;
        V.Store(c30, c); V.Store(c31, c + V.Count); StoreLast(c32, c + 2 * V.Count, last);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile4x2(int last, int k, float* a, long rs, long cs, float* b, float* start, long startStride, float* c, long cStride)
    {
        V c00 = default, c01 = default;
        V c10 = default, c11 = default;
        V c20 = default, c21 = default;
        V c30 = default, c31 = default;
        float* a3 = a + 3 * rs;
        for (; k > 0; k--)
        {
            V b0 = V.Load(b), b1 = V.Load(b + V.Count);
            V x = V.Create(a[0]); c00 = V.Fma(x, b0, c00); c01 = V.Fma(x, b1, c01);
            x = V.Create(a[rs]); c10 = V.Fma(x, b0, c10); c11 = V.Fma(x, b1, c11);
            x = V.Create(a[2 * rs]); c20 = V.Fma(x, b0, c20); c21 = V.Fma(x, b1, c21);
            x = V.Create(a3[0]); c30 = V.Fma(x, b0, c30); c31 = V.Fma(x, b1, c31);
            b += 2 * V.Count;
            a += cs; a3 += cs;
        }
        if (start != null)
        {
            c00 += V.Load(start); c01 += LoadLast(start + V.Count, last); start += startStride;
            c10 += V.Load(start); c11 += LoadLast(start + V.Count, last); start += startStride;
            c20 += V.Load(start); c21 += LoadLast(start + V.Count, last); start += startStride;
            c30 += V.Load(start); c31 += LoadLast(start + V.Count, last);
        }
        V.Store(c00, c); StoreLast(c01, c + V.Count, last); c += cStride;
        V.Store(c10, c); StoreLast(c11, c + V.Count, last); c += cStride;
        V.Store(c20, c); StoreLast(c21, c + V.Count, last); c += cStride;
        V.Store(c30, c); StoreLast(c31, c + V.Count, last);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Tile4x1(int last, int k, float* a, long rs, long cs, float* b, float* start, long startStride, float* c, long cStride)
    {
        V c00 = default;
        V c10 = default;
        V c20 = default;
        V c30 = default;
        float* a3 = a + 3 * rs;
        for (; k > 0; k--)
        {
            V b0 = V.Load(b);
            V x = V.Create(a[0]); c00 = V.Fma(x, b0, c00);
            x = V.Create(a[rs]); c10 = V.Fma(x, b0, c10);
            x = V.Create(a[2 * rs]); c20 = V.Fma(x, b0, c20);
            x = V.Create(a3[0]); c30 = V.Fma(x, b0, c30);
            b += V.Count;
            a += cs; a3 += cs;
        }
        if (start != null)
        {
            c00 += LoadLast(start, last); start += startStride;
            c10 += LoadLast(start, last); start += startStride;
            c20 += LoadLast(start, last); start += startStride;
            c30 += LoadLast(start, last);
        }
        StoreLast(c00, c, last); c += cStride;
        StoreLast(c10, c, last); c += cStride;
        StoreLast(c20, c, last); c += cStride;
        StoreLast(c30, c, last);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V LoadLast(float* p, int count) => count == V.Count ? V.Load(p) : V.LoadPartial(p, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void StoreLast(V v, float* p, int count)
    {
        if (count == V.Count) V.Store(v, p); else V.StorePartial(v, p, count);
    }
}
