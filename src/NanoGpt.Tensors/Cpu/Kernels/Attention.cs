using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>What both directions of attention share: sizes, the place of a head within qkv, the strip of queries.</summary>
internal readonly unsafe struct AttentionShape(int time, int heads, int headSize)
{
    /// <summary>Queries taken at once: their scores against all keys up to the diagonal fit in the second-level cache.</summary>
    public const int Strip = 32;

    public readonly int Time = time, Heads = heads, HeadSize = headSize, Channels = heads * headSize;
    public readonly float Scale = 1 / MathF.Sqrt(headSize);

    /// <summary>
    /// Readies a row of which the first <paramref name="count"/> hold: the rest of the last vector becomes
    /// <paramref name="neutral"/>, so that whole vectors can be worked on, and what follows up to <paramref name="end"/> becomes 0.
    /// </summary>
    /// <returns>The count, rounded up to whole vectors.</returns>
    public static int PadPastDiagonal<V>(float* row, int count, int end, float neutral) where V : unmanaged, ISimd<V>
    {
        int whole = count / V.Count * V.Count, padded = (count + V.Count - 1) / V.Count * V.Count;
        if (whole < padded) V.Store(V.LoadPartial(row + whole, count - whole, V.Create(neutral)), row + whole);
        for (int j = padded; j < end; j += V.Count) V.Store(V.Create(0), row + j);
        return padded;
    }

    /// <summary>Asks for some rows of a head ahead of their use.</summary>
    public void Prefetch(MatrixView head, int from, int to)
    {
        for (int i = Math.Max(0, from); i < Math.Min(to, Time); i++) Simd.Prefetch.Row(head.At(i, 0), HeadSize);
    }

    /// <summary>Queries, keys and values of some positions, given the queries of a head: all of them lie C apart.</summary>
    public Ahead Positions(MatrixView queries, int from, int to) => Ahead.Of(new MatrixView(queries.At(from, 0), 3 * (to - from), HeadSize, Channels, 1));

    /// <summary>Σ a_c·b_c over the channels of a head.</summary>
    public static float Dot<V>(float* a, float* b, int count) where V : unmanaged, ISimd<V>
    {
        V sum = V.Create(0);
        int c = 0;
        for (; c + V.Count <= count; c += V.Count) sum = V.Fma(V.Load(a + c), V.Load(b + c), sum);
        // Where nothing is left, not even a masked load: it would wait for a line that is another head's.
        return V.Sum(c == count ? sum : V.Fma(V.LoadPartial(a + c, count - c), V.LoadPartial(b + c, count - c), sum));
    }

    /// <summary>Queries (part 0), keys (1) or values (2) of one head of one sequence: (T, d) within (B, T, 3C).</summary>
    public MatrixView Part(float* qkv, int item, int part) =>
        new(qkv + (long)(item / Heads) * Time * 3 * Channels + part * Channels + item % Heads * HeadSize, Time, HeadSize, 3 * Channels, 1);

    /// <summary>One head of one sequence within (B, T, C).</summary>
    public MatrixView Output(float* y, int item) =>
        new(y + (long)(item / Heads) * Time * Channels + item % Heads * HeadSize, Time, HeadSize, Channels, 1);
}

/// <summary>
/// For a strip of queries at a time, with keys up to the last query of the strip:
/// <code>
/// S = q·kᵀ/√d,  m_i = max_j≤i S_ij,  P_ij = exp(S_ij - m_i) for j ≤ i, else 0,  l_i = Σ_j P_ij
/// y = dropout(P)·v / l,  logSumExp_i = m_i + log l_i
/// </code>
/// Items are heads of sequences, B·H of them.
/// </summary>
internal readonly unsafe struct AttentionForward<V, F>(float* qkv, float* y, float* logSumExp, AttentionShape shape, bool drop, DropoutMask mask) : IWork
    where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    public void Run(int from, int to)
    {
        int time = shape.Time, width = (time + 15) / 16 * 16, d = shape.HeadSize;
        long keyLength = RightSide<V, F>.Cut(d, time).Length, valueLength = RightSide<V, F>.Cut(time, d).Length, strip = AttentionShape.Strip * (long)width;
        float* pack = ScratchBuffer.OfThread.Get(TileRunner<V, F>.ScratchLength(AttentionShape.Strip) + keyLength + valueLength + strip + width);
        float* keys = pack + TileRunner<V, F>.ScratchLength(AttentionShape.Strip), values = keys + keyLength, p = values + valueLength, factors = p + strip;
        float* max = stackalloc float[AttentionShape.Strip], sum = stackalloc float[AttentionShape.Strip];
        for (int item = from; item < to; item++)
        {
            var q = shape.Part(qkv, item, 0);
            var output = shape.Output(y, item);
            var keySide = RightSide<V, F>.Pack(shape.Part(qkv, item, 1).Transposed, keys);
            var valueSide = RightSide<V, F>.Pack(shape.Part(qkv, item, 2), values);
            MatrixView next = shape.Part(qkv, item + 1, 0), yNext = shape.Output(y, item + 1);
            for (int i0 = 0; i0 < time; i0 += AttentionShape.Strip)
            {
                int i1 = Math.Min(time, i0 + AttentionShape.Strip);
                shape.Prefetch(q, i1, i1 + AttentionShape.Strip);
                var scores = new MatrixView(p - (long)i0 * width, time, time, width, 1);
                // What the next item reads and writes comes from memory during the arithmetic of this one.
                var later = shape.Positions(next, i0, i1);
                TileRunner<V, F>.Run(q, keySide, scores, null, false, d, i0, i1, 0, keySide.Panels.PanelsFor(i1), pack, later.Part(0, 2));
                // A pass at a time over all rows: their chains of dependent operations, a maximum, a sum, then overlap.
                for (int i = i0; i < i1; i++)
                    max[i - i0] = Max(scores.At(i, 0), AttentionShape.PadPastDiagonal<V>(scores.At(i, 0), i + 1, i1, float.NegativeInfinity));
                for (int i = i0; i < i1; i++)
                {
                    sum[i - i0] = Exp(scores.At(i, 0), i + 1, max[i - i0], shape.Scale);
                    Prefetch.Row(yNext.At(i, 0), d);
                }
                for (int i = i0; i < i1; i++)
                {
                    float* row = scores.At(i, 0);
                    if (drop) DropoutRow(row, item, i, factors);
                    new ScaleWork<V>(row, 1 / sum[i - i0], row, accumulate: false).Run(0, (i + V.Count) / V.Count * V.Count);
                    logSumExp[(long)item * time + i] = max[i - i0] * shape.Scale + MathF.Log(sum[i - i0]);
                }
                TileRunner<V, F>.Run(new(scores, triangle: Triangle.Lower), valueSide, output, null, false, i1, i0, i1, 0, valueSide.Panels.Panels, pack, later.Part(1, 2));
            }
        }
    }

    // Rows are worked on up to the end of the vector that holds the diagonal.

    static float Max(float* row, int count)
    {
        V max = V.Load(row);
        for (int j = V.Count; j < count; j += V.Count) max = V.Max(max, V.Load(row + j));
        return V.MaxLane(max);
    }

    /// <summary>row = exp((row - max)·scale); returns the sum.</summary>
    static float Exp(float* row, int count, float max, float scale)
    {
        V m = V.Create(max), s = V.Create(scale), sum = V.Create(0);
        for (int j = 0; j < count; j += V.Count)
        {
            V e = SimdMath<V>.Exp((V.Load(row + j) - m) * s);
            V.Store(e, row + j);
            sum += e;
        }
        return V.Sum(sum);
    }

    void DropoutRow(float* row, int item, int i, float* factors)
    {
        mask.Fill((uint)item * (uint)shape.Time + (uint)i, 0, (i + 4) / 4, factors);
        for (int j = 0; j <= i; j++) row[j] *= factors[j];
    }
}
