using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>
/// <see cref="AttentionForward{V, F}"/> for sequences of a few positions, a query and a key at a time: too little for tiles and packing.
/// Items are heads of sequences.
/// </summary>
internal readonly unsafe struct ShortAttentionForward<V>(float* qkv, float* y, float* logSumExp, AttentionShape shape, bool drop, DropoutMask mask) : IWork
    where V : unmanaged, ISimd<V>
{
    /// <summary>Longer sequences are a matter for matrix multiplication.</summary>
    public const int MaxTime = 8;

    public void Run(int from, int to)
    {
        int d = shape.HeadSize;
        float* p = stackalloc float[MaxTime];
        float* factors = stackalloc float[MaxTime];
        for (int item = from; item < to; item++)
        {
            MatrixView q = shape.Part(qkv, item, 0), k = shape.Part(qkv, item, 1), v = shape.Part(qkv, item, 2), output = shape.Output(y, item);
            for (int i = 0; i < shape.Time; i++)
            {
                float max = float.NegativeInfinity, sum = 0;
                for (int j = 0; j <= i; j++) max = MathF.Max(max, p[j] = AttentionShape.Dot<V>(q.At(i, 0), k.At(j, 0), d) * shape.Scale);
                for (int j = 0; j <= i; j++) sum += p[j] = MathF.Exp(p[j] - max);
                logSumExp[(long)item * shape.Time + i] = max + MathF.Log(sum);
                if (drop) mask.Fill((uint)item * (uint)shape.Time + (uint)i, 0, (i + 4) / 4, factors);
                for (int j = 0; j <= i; j++)
                    new ScaleWork<V>(v.At(j, 0), p[j] / sum * (drop ? factors[j] : 1), output.At(i, 0), accumulate: j > 0).Run(0, d);
            }
        }
    }
}

/// <summary><see cref="AttentionBackward{V, F}"/> for sequences of a few positions. Items are heads of sequences.</summary>
internal readonly unsafe struct ShortAttentionBackward<V>(float* dy, float* qkv, float* y, float* logSumExp, float* dqkv,
    AttentionShape shape, bool drop, DropoutMask mask, bool accumulate) : IWork where V : unmanaged, ISimd<V>
{
    public void Run(int from, int to)
    {
        int d = shape.HeadSize;
        float scale = shape.Scale;
        float* factors = stackalloc float[ShortAttentionForward<V>.MaxTime];
        for (int item = from; item < to; item++)
        {
            MatrixView q = shape.Part(qkv, item, 0), k = shape.Part(qkv, item, 1), v = shape.Part(qkv, item, 2);
            MatrixView dq = shape.Part(dqkv, item, 0), dk = shape.Part(dqkv, item, 1), dv = shape.Part(dqkv, item, 2);
            MatrixView o = shape.Output(y, item), dout = shape.Output(dy, item);
            for (int i = 0; i < shape.Time; i++)
            {
                float lse = logSumExp[(long)item * shape.Time + i], dot = AttentionShape.Dot<V>(dout.At(i, 0), o.At(i, 0), d);
                if (drop) mask.Fill((uint)item * (uint)shape.Time + (uint)i, 0, (i + 4) / 4, factors);
                for (int j = 0; j <= i; j++)
                {
                    float factor = drop ? factors[j] : 1;
                    float probability = MathF.Exp(AttentionShape.Dot<V>(q.At(i, 0), k.At(j, 0), d) * scale - lse);
                    float gradient = AttentionShape.Dot<V>(dout.At(i, 0), v.At(j, 0), d) * factor;
                    float dScore = probability * (gradient - dot) * scale;
                    // Query i is the first to reach key i.
                    new ScaleWork<V>(k.At(j, 0), dScore, dq.At(i, 0), accumulate || j > 0).Run(0, d);
                    new ScaleWork<V>(q.At(i, 0), dScore, dk.At(j, 0), accumulate || j < i).Run(0, d);
                    new ScaleWork<V>(dout.At(i, 0), probability * factor, dv.At(j, 0), accumulate || j < i).Run(0, d);
                }
            }
        }
    }
}
