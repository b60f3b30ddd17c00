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
/// Puts rows of x (rows, inputs) side by side in groups of <c>V.TileRows</c>: a vector of each row in turn, (groups, inputs / lanes,
/// TileRows, lanes). A tile then reads one run of memory, whatever the length of a row; rows that are missing in the last group are zeros.
/// The inputs that fill no vector are left out. Items are groups.
/// </summary>
internal readonly unsafe struct InterleaveRowsWork<V>(float* x, float* y, int rows, int inputs) : IWork where V : unmanaged, ISimd<V>
{
    public void Run(int from, int to)
    {
        int whole = inputs / V.Count * V.Count;
        for (int group = from; group < to; group++)
            for (int r = 0; r < V.TileRows; r++)
            {
                int row = group * V.TileRows + r;
                float* target = y + ((long)group * whole * V.TileRows + r * V.Count);
                for (int k = 0; k < whole; k += V.Count, target += V.TileRows * V.Count)
                    V.Store(row < rows ? V.Load(x + (long)row * inputs + k) : V.Create(0), target);
            }
    }
}

/// <summary>
/// y (rows, outputs) = x (rows, inputs) · weightᵀ + bias for few rows, as decoding has it: the weights are read once, where they
/// lie, and that takes all the time. One row goes through them from the first byte to the last, as memory likes it best; more rows
/// are multiplied in tiles of <c>V.TileRows</c> rows by three outputs, in registers. Items are outputs. Each element of y is the same
/// sum in the same order however many rows there are: over a block of inputs by lanes, over the lanes, over bias and blocks.
/// More rows than one also come <paramref name="interleaved"/>, as <see cref="InterleaveRowsWork{V}"/> makes them.
/// </summary>
internal readonly unsafe struct FewRowsWork<V, W>(float* x, float* interleaved, byte* weight, float* bias, float* y, int rows, int inputs, int outputs) : IWork
    where V : unmanaged, ISimd<V> where W : IWeights<V>
{
    /// <summary>More rows than this are a matter for matrix multiplication.</summary>
    public const int MaxRows = 16;

    /// <summary>Outputs of a tile.</summary>
    public const int Tile = 3;

    /// <summary>Inputs of a block at most: so much of all rows stays in the nearest cache, together with a tile's weights.</summary>
    const int MaxBlock = 1024;

    /// <summary>How far ahead of its use memory is asked for: about what arrives while one line is under way.</summary>
    const int Ahead = 4096;

    public void Run(int from, int to)
    {
        int blocks = (inputs + MaxBlock - 1) / MaxBlock, block = (inputs / blocks + V.Count - 1) / V.Count * V.Count;
        int tiled = rows == 1 ? from : from + (to - from) / Tile * Tile;
        for (int row = 0; row < rows; row++) One(row, tiled, to, block);
        for (int k = 0; k < inputs && tiled > from; k += block)
            for (int output = from; output < tiled; output += Tile)
                for (int row = 0; row < rows; row += V.TileRows) Multiply(row, output, k, Math.Min(k + block, inputs));
        if (inputs % V.Count != 0) AddRest(from, to);
    }

    /// <summary>A row against some outputs, one after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void One(int row, int from, int to, int block)
    {
        float* a = x + (long)row * inputs;
        byte* w = weight + (long)from * inputs * W.Size;
        for (int output = from; output < to; output++)
        {
            float sum = bias == null ? 0 : bias[output];
            for (int start = 0; start < inputs; start += block)
            {
                int k = start, end = Math.Min(start + block, inputs);
                V s = V.Create(0);
                // Four vectors a turn: the fewer instructions, the further the processor sees, into the next output's sum.
                for (; k + 4 * V.Count <= end; k += 4 * V.Count, w += 4 * V.Count * W.Size)
                {
                    if (Sse.IsSupported)
                        for (int line = 0; line < 4 * V.Count * W.Size; line += 64) Sse.Prefetch0(w + Ahead + line);
                    s = V.Fma(V.Load(a + k), W.Load(w), s);
                    s = V.Fma(V.Load(a + k + V.Count), W.Load(w + V.Count * W.Size), s);
                    s = V.Fma(V.Load(a + k + 2 * V.Count), W.Load(w + 2 * V.Count * W.Size), s);
                    s = V.Fma(V.Load(a + k + 3 * V.Count), W.Load(w + 3 * V.Count * W.Size), s);
                }
                for (; k + V.Count <= end; k += V.Count, w += V.Count * W.Size) s = V.Fma(V.Load(a + k), W.Load(w), s);
                w += (end - k) * W.Size;
                sum += V.Sum(s);
            }
            y[(long)row * outputs + output] = sum;
        }
    }

    /// <summary>A tile of y over the whole vectors among inputs <paramref name="k"/> to <paramref name="end"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Multiply(int row, int output, int k, int end)
    {
        bool first = k == 0;
        nint stride = (nint)inputs * W.Size;
        float* q = interleaved + ((long)row * (inputs / V.Count * V.Count) + (long)k * V.TileRows);
        byte* w = weight + output * stride + (nint)k * W.Size;
        V z = V.Create(0), e;
        V a0 = z, a1 = z, a2 = z, a3 = z, a4 = z, a5 = z, a6 = z, a7 = z;
        V b0 = z, b1 = z, b2 = z, b3 = z, b4 = z, b5 = z, b6 = z, b7 = z;
        V c0 = z, c1 = z, c2 = z, c3 = z, c4 = z, c5 = z, c6 = z, c7 = z;
        for (; k + V.Count <= end; k += V.Count, w += V.Count * W.Size, q += V.TileRows * V.Count)
        {
            // What the next tile will read: the processor's own look-ahead begins anew with each row.
            if (Sse.IsSupported && row == 0)
            {
                Sse.Prefetch0(w + 3 * stride);
                Sse.Prefetch0(w + 4 * stride);
                Sse.Prefetch0(w + 5 * stride);
            }
            V u = W.Load(w), v = W.Load(w + stride), t = W.Load(w + 2 * stride);
            e = V.Load(q); a0 = V.Fma(e, u, a0); b0 = V.Fma(e, v, b0); c0 = V.Fma(e, t, c0);
            e = V.Load(q + V.Count); a1 = V.Fma(e, u, a1); b1 = V.Fma(e, v, b1); c1 = V.Fma(e, t, c1);
            e = V.Load(q + 2 * V.Count); a2 = V.Fma(e, u, a2); b2 = V.Fma(e, v, b2); c2 = V.Fma(e, t, c2);
            e = V.Load(q + 3 * V.Count); a3 = V.Fma(e, u, a3); b3 = V.Fma(e, v, b3); c3 = V.Fma(e, t, c3);
            if (V.TileRows == 4) continue;
            e = V.Load(q + 4 * V.Count); a4 = V.Fma(e, u, a4); b4 = V.Fma(e, v, b4); c4 = V.Fma(e, t, c4);
            e = V.Load(q + 5 * V.Count); a5 = V.Fma(e, u, a5); b5 = V.Fma(e, v, b5); c5 = V.Fma(e, t, c5);
            e = V.Load(q + 6 * V.Count); a6 = V.Fma(e, u, a6); b6 = V.Fma(e, v, b6); c6 = V.Fma(e, t, c6);
            e = V.Load(q + 7 * V.Count); a7 = V.Fma(e, u, a7); b7 = V.Fma(e, v, b7); c7 = V.Fma(e, t, c7);
        }
        Store(row, output, first, a0, b0, c0);
        Store(row + 1, output, first, a1, b1, c1);
        Store(row + 2, output, first, a2, b2, c2);
        Store(row + 3, output, first, a3, b3, c3);
        if (V.TileRows == 4) return;
        Store(row + 4, output, first, a4, b4, c4);
        Store(row + 5, output, first, a5, b5, c5);
        Store(row + 6, output, first, a6, b6, c6);
        Store(row + 7, output, first, a7, b7, c7);
    }

    /// <summary>The sums of a block join those before it, or the bias. Rows beyond the last are none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void Store(int row, int output, bool first, V a, V b, V c)
    {
        if (row >= rows) return;
        float* target = y + ((long)row * outputs + output);
        float s0 = 0, s1 = 0, s2 = 0;
        float* before = first ? bias == null ? null : bias + output : target;
        if (before != null) (s0, s1, s2) = (before[0], before[1], before[2]);
        target[0] = s0 + V.Sum(a);
        target[1] = s1 + V.Sum(b);
        target[2] = s2 + V.Sum(c);
    }

    /// <summary>The last few products, which fill no vector.</summary>
    void AddRest(int from, int to)
    {
        for (int row = 0; row < rows; row++)
            for (int output = from; output < to; output++)
                for (int k = inputs / V.Count * V.Count; k < inputs; k++)
                    y[(long)row * outputs + output] += x[(long)row * inputs + k] * W.Element(weight + ((long)output * inputs + k) * W.Size);
    }
}
