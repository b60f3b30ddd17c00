using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>How the elements of a weight matrix lie in memory.</summary>
internal unsafe interface IWeights<V> where V : unmanaged, ISimd<V>
{
    /// <summary>Bytes of an element.</summary>
    static abstract int Size { get; }

    /// <summary>A vector of elements, as fp32.</summary>
    static abstract V Load(byte* p);

    /// <summary>One element, as fp32.</summary>
    static abstract float Element(byte* p);
}

/// <summary>Four bytes: fp32.</summary>
internal readonly unsafe struct WideWeights<V> : IWeights<V> where V : unmanaged, ISimd<V>
{
    public static int Size => sizeof(float);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static V Load(byte* p) => V.Load((float*)p);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static float Element(byte* p) => *(float*)p;
}

/// <summary>Two bytes: bf16, widened in registers.</summary>
internal readonly unsafe struct NarrowWeights<V> : IWeights<V> where V : unmanaged, ISimd<V>
{
    public static int Size => sizeof(ushort);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static V Load(byte* p) => V.LoadNarrow((ushort*)p);
    [MethodImpl(MethodImplOptions.AggressiveInlining)] public static float Element(byte* p) => BitConverter.UInt32BitsToSingle((uint)*(ushort*)p << 16);
}

/// <summary>
/// y (rows, outputs) = x (rows, inputs) · weightᵀ + bias for few rows, as decoding has it: the weights are read once, where they
/// lie, and that takes all the time. Four rows of the weights at a time stay in the nearest cache while all rows of x go over
/// them. Items are outputs. Each element of y is the same sum in the same order however many rows there are.
/// </summary>
internal readonly unsafe struct FewRowsWork<V, W>(float* x, byte* weight, float* bias, float* y, int rows, int inputs, int outputs) : IWork
    where V : unmanaged, ISimd<V> where W : IWeights<V>
{
    /// <summary>More rows than this are a matter for matrix multiplication.</summary>
    public const int MaxRows = 16;

    /// <summary>Outputs of a tile, and rows of the larger tile.</summary>
    public const int Tile = 4;

    public void Run(int from, int to)
    {
        int output = from;
        for (; output + Tile <= to; output += Tile)
        {
            int row = 0;
            for (; row + Tile <= rows; row += Tile) FourByFour(row, output);
            for (; row < rows; row++) OneByFour(row, output);
        }
        for (; output < to; output++)
            for (int row = 0; row < rows; row++) One(row, output);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void OneByFour(int row, int output)
    {
        nint stride = (nint)inputs * W.Size;
        float* a = x + (long)row * inputs;
        byte* w = weight + output * stride;
        V s0 = V.Create(0), s1 = s0, s2 = s0, s3 = s0;
        int k = 0;
        for (; k + V.Count <= inputs; k += V.Count, w += V.Count * W.Size)
        {
            // What the next tile will read: the processor's own look-ahead begins anew with each row.
            if (Sse.IsSupported)
            {
                Sse.Prefetch0(w + 4 * stride);
                Sse.Prefetch0(w + 5 * stride);
                Sse.Prefetch0(w + 6 * stride);
                Sse.Prefetch0(w + 7 * stride);
            }
            V v = V.Load(a + k);
            s0 = V.Fma(v, W.Load(w), s0);
            s1 = V.Fma(v, W.Load(w + stride), s1);
            s2 = V.Fma(v, W.Load(w + 2 * stride), s2);
            s3 = V.Fma(v, W.Load(w + 3 * stride), s3);
        }
        Finish(row, output, V.Sum(s0), k);
        Finish(row, output + 1, V.Sum(s1), k);
        Finish(row, output + 2, V.Sum(s2), k);
        Finish(row, output + 3, V.Sum(s3), k);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void FourByFour(int row, int output)
    {
        nint stride = (nint)inputs * W.Size;
        float* a0 = x + (long)row * inputs, a1 = a0 + inputs, a2 = a1 + inputs, a3 = a2 + inputs;
        byte* w = weight + output * stride;
        V z = V.Create(0);
        V s00 = z, s01 = z, s02 = z, s03 = z, s10 = z, s11 = z, s12 = z, s13 = z, s20 = z, s21 = z, s22 = z, s23 = z, s30 = z, s31 = z, s32 = z, s33 = z;
        int k = 0;
        for (; k + V.Count <= inputs; k += V.Count, w += V.Count * W.Size)
        {
            if (Sse.IsSupported && row == 0)
            {
                Sse.Prefetch0(w + 4 * stride);
                Sse.Prefetch0(w + 5 * stride);
                Sse.Prefetch0(w + 6 * stride);
                Sse.Prefetch0(w + 7 * stride);
            }
            V v0 = V.Load(a0 + k), v1 = V.Load(a1 + k), v2 = V.Load(a2 + k), v3 = V.Load(a3 + k);
            V b = W.Load(w);
            s00 = V.Fma(v0, b, s00); s10 = V.Fma(v1, b, s10); s20 = V.Fma(v2, b, s20); s30 = V.Fma(v3, b, s30);
            b = W.Load(w + stride);
            s01 = V.Fma(v0, b, s01); s11 = V.Fma(v1, b, s11); s21 = V.Fma(v2, b, s21); s31 = V.Fma(v3, b, s31);
            b = W.Load(w + 2 * stride);
            s02 = V.Fma(v0, b, s02); s12 = V.Fma(v1, b, s12); s22 = V.Fma(v2, b, s22); s32 = V.Fma(v3, b, s32);
            b = W.Load(w + 3 * stride);
            s03 = V.Fma(v0, b, s03); s13 = V.Fma(v1, b, s13); s23 = V.Fma(v2, b, s23); s33 = V.Fma(v3, b, s33);
        }
        FinishFour(row, output, s00, s01, s02, s03, k);
        FinishFour(row + 1, output, s10, s11, s12, s13, k);
        FinishFour(row + 2, output, s20, s21, s22, s23, k);
        FinishFour(row + 3, output, s30, s31, s32, s33, k);
    }

    void FinishFour(int row, int output, V s0, V s1, V s2, V s3, int k)
    {
        Finish(row, output, V.Sum(s0), k);
        Finish(row, output + 1, V.Sum(s1), k);
        Finish(row, output + 2, V.Sum(s2), k);
        Finish(row, output + 3, V.Sum(s3), k);
    }

    void One(int row, int output)
    {
        float* a = x + (long)row * inputs;
        byte* w = weight + (long)output * inputs * W.Size;
        V s = V.Create(0);
        int k = 0;
        for (; k + V.Count <= inputs; k += V.Count) s = V.Fma(V.Load(a + k), W.Load(w + (long)k * W.Size), s);
        Finish(row, output, V.Sum(s), k);
    }

    /// <summary>The last few products, which fill no vector, and the bias.</summary>
    void Finish(int row, int output, float sum, int k)
    {
        float* a = x + (long)row * inputs;
        byte* w = weight + (long)output * inputs * W.Size;
        for (; k < inputs; k++) sum += a[k] * W.Element(w + (long)k * W.Size);
        y[(long)row * outputs + output] = bias == null ? sum : sum + bias[output];
    }
}
