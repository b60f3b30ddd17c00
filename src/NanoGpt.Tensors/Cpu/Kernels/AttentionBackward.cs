using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>
/// For a strip of queries at a time, last strip first, with keys up to the last query of the strip:
/// <code>
/// P_ij = exp(S_ij - logSumExp_i) for j ≤ i, else 0        P̃ = P∘mask,  dP = (dy·vᵀ)∘mask
/// dS = P∘(dP - D)/√d,  D_i = Σ_d dy_id·y_id               dq = dS·k,  dk += dSᵀ·q,  dv += P̃ᵀ·dy
/// </code>
/// Items are heads of sequences, B·H of them, so nobody shares a destination.
/// </summary>
internal readonly unsafe struct AttentionBackward<V, F>(float* dy, float* qkv, float* y, float* logSumExp, float* dqkv,
    AttentionShape shape, bool drop, DropoutMask mask, bool accumulate) : IWork
    where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    public void Run(int from, int to)
    {
        const int strip = AttentionShape.Strip;
        int time = shape.Time, width = (time + 15) / 16 * 16, d = shape.HeadSize;
        long transposed = RightSide<V, F>.Cut(d, time).Length, straight = RightSide<V, F>.Cut(time, d).Length, query = RightSide<V, F>.Cut(strip, d).Length;
        long packing = TileRunner<V, F>.ScratchLength(Math.Max(time, strip));
        float* pack = ScratchBuffer.OfThread.Get(packing + 2 * transposed + straight + 2 * query + 2L * strip * width + width);
        float* keysT = pack + packing, valuesT = keysT + transposed, keys = valuesT + transposed;
        float* stripQ = keys + straight, stripDy = stripQ + query;
        float* pStrip = stripDy + query, dpStrip = pStrip + (long)strip * width, factors = dpStrip + (long)strip * width;

        for (int item = from; item < to; item++)
        {
            MatrixView q = shape.Part(qkv, item, 0), k = shape.Part(qkv, item, 1), v = shape.Part(qkv, item, 2);
            MatrixView dq = shape.Part(dqkv, item, 0), dk = shape.Part(dqkv, item, 1), dv = shape.Part(dqkv, item, 2);
            MatrixView o = shape.Output(y, item), dout = shape.Output(dy, item);
            var keysTSide = RightSide<V, F>.Pack(k.Transposed, keysT);
            var valuesTSide = RightSide<V, F>.Pack(v.Transposed, valuesT);
            var keysSide = RightSide<V, F>.Pack(k, keys);

            MatrixView qNext = shape.Part(qkv, item + 1, 0), dqNext = shape.Part(dqkv, item + 1, 0), yNext = shape.Output(y, item + 1), dyNext = shape.Output(dy, item + 1);

            // The last strip sees every key, so it is the one that overwrites dk and dv; earlier strips add.
            bool add = accumulate;
            for (int i0 = (time - 1) / strip * strip; i0 >= 0; i0 -= strip)
            {
                int i1 = Math.Min(time, i0 + strip), rows = i1 - i0;
                shape.Prefetch(o, i0, i1);
                shape.Prefetch(q, i0 - strip, i0);
                shape.Prefetch(dout, i0 - strip, i0);
                var p = new MatrixView(pStrip - (long)i0 * width, time, i1, width, 1);
                var dp = new MatrixView(dpStrip - (long)i0 * width, time, i1, width, 1);
                int seen = keysTSide.Panels.PanelsFor(i1);
                // What the next item reads and writes comes from memory during the arithmetic of this one.
                Ahead later = shape.Positions(qNext, i0, i1), laterGradients = shape.Positions(dqNext, i0, i1);
                TileRunner<V, F>.Run(q, keysTSide, p, null, false, d, i0, i1, 0, seen, pack, later.Part(0, 2));
                TileRunner<V, F>.Run(dout, valuesTSide, dp, null, false, d, i0, i1, 0, seen, pack, later.Part(1, 2));
                for (int i = i0; i < i1; i++)
                {
                    Prefetch.Row(yNext.At(i, 0), d);
                    Prefetch.Row(dyNext.At(i, 0), d);
                    ScoreGradientRow(p.At(i, 0), dp.At(i, 0), i, i1, logSumExp[(long)item * time + i], AttentionShape.Dot<V>(dout.At(i, 0), o.At(i, 0), d), item, factors);
                }

                TileRunner<V, F>.Run(new(dp, triangle: Triangle.Lower), keysSide, dq, null, accumulate, i1, i0, i1, 0, keysSide.Panels.Panels, pack, later: default);

                var qSide = RightSide<V, F>.Pack(new MatrixView(q.At(i0, 0), rows, d, q.RowStride, 1), stripQ);
                var dySide = RightSide<V, F>.Pack(new MatrixView(dout.At(i0, 0), rows, d, dout.RowStride, 1), stripDy);
                ToKeys(new MatrixView(dpStrip, rows, i1, width, 1), qSide, dk, add, pack, laterGradients.Part(0, 2));
                ToKeys(new MatrixView(pStrip, rows, i1, width, 1), dySide, dv, add, pack, laterGradients.Part(1, 2));
                add = true;
            }
        }
    }

    /// <summary>target (+)= stripᵀ·side, where the strip's last keys are its queries: of those a query has seen none past itself.</summary>
    static void ToKeys(MatrixView strip, RightSide<V, F> side, MatrixView target, bool add, float* pack, Ahead later)
    {
        MatrixView keys = strip.Transposed;
        int queries = keys.Columns, before = keys.Rows - queries, panels = side.Panels.Panels;
        if (before > 0) TileRunner<V, F>.Run(keys, side, target, null, add, queries, 0, before, 0, panels, pack, later);
        TileRunner<V, F>.Run(new(keys.Part(before, queries, 0, queries), triangle: Triangle.Upper), side, target.Part(before, queries, 0, target.Columns),
            null, add, queries, 0, queries, 0, panels, pack, before > 0 ? default : later);
    }

    /// <summary>From scores and dy·vᵀ to P̃ (in p) and dS (in dp) for one query; past the diagonal both become 0.</summary>
    void ScoreGradientRow(float* p, float* dp, int i, int end, float lse, float dot, int item, float* factors)
    {
        int padded = AttentionShape.PadPastDiagonal<V>(p, i + 1, end, float.NegativeInfinity);
        AttentionShape.PadPastDiagonal<V>(dp, i + 1, end, 0);
        if (drop) mask.Fill((uint)item * (uint)shape.Time + (uint)i, 0, (padded + 3) / 4, factors);
        V scale = V.Create(shape.Scale), negative = V.Create(-lse), dotv = V.Create(dot);
        for (int j = 0; j < padded; j += V.Count)
        {
            V probability = SimdMath<V>.Exp(V.Fma(V.Load(p + j), scale, negative));
            V gradient = V.Load(dp + j), kept = probability;
            if (drop)
            {
                V factor = V.Load(factors + j);
                gradient *= factor;
                kept *= factor;
            }
            V.Store(kept, p + j);
            V.Store(probability * (gradient - dotv) * scale, dp + j);
        }
    }
}
