using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>Where the keys (or values) of a head lie within a cache (B, heads, capacity, d), and how many are there before the new ones.</summary>
internal readonly struct CacheShape(int past, int capacity)
{
    public readonly int Past = past, Capacity = capacity;
}

/// <summary>Copies the keys and values of new positions, from qkv (B, T, 3C), behind those that a cache holds. Items are heads of sequences.</summary>
internal readonly unsafe struct AppendKeyValuesWork(float* qkv, float* keys, float* values, AttentionShape shape, CacheShape cache) : IWork
{
    public void Run(int from, int to)
    {
        int d = shape.HeadSize;
        for (int item = from; item < to; item++)
            for (int part = 1; part <= 2; part++)
            {
                var source = shape.Part(qkv, item, part);
                float* target = (part == 1 ? keys : values) + ((long)item * cache.Capacity + cache.Past) * d;
                for (int t = 0; t < shape.Time; t++) new ReadOnlySpan<float>(source.At(t, 0), d).CopyTo(new Span<float>(target + (long)t * d, d));
            }
    }
}

/// <summary>
/// Attention of new positions to all that a cache holds, a query at a time. Query i of T stands at position past + i and sees
/// the keys up to there:
/// <code>
/// s_j = q·k_j/√d,  p = softmax(s),  y = Σ_j p_j·v_j
/// </code>
/// Items are heads of sequences.
/// </summary>
internal readonly unsafe struct CachedAttentionWork<V>(float* qkv, float* keys, float* values, float* y, AttentionShape shape, CacheShape cache) : IWork
    where V : unmanaged, ISimd<V>
{
    public void Run(int from, int to)
    {
        float* scores = ScratchBuffer.OfThread.Get(cache.Capacity + V.Count);
        for (int item = from; item < to; item++)
        {
            var q = shape.Part(qkv, item, 0);
            var output = shape.Output(y, item);
            long head = (long)item * cache.Capacity * shape.HeadSize;
            for (int i = 0; i < shape.Time; i++) Attend(q.At(i, 0), keys + head, values + head, output.At(i, 0), cache.Past + i + 1, scores);
        }
    }

    void Attend(float* q, float* k, float* v, float* output, int count, float* scores)
    {
        int d = shape.HeadSize, whole = d / V.Count * V.Count;
        float max = float.NegativeInfinity, scale = shape.Scale;
        for (int j = 0; j < count; j++)
        {
            float* key = k + (long)j * d;
            V dot = V.Create(0);
            for (int c = 0; c < whole; c += V.Count) dot = V.Fma(V.Load(q + c), V.Load(key + c), dot);
            float score = V.Sum(dot);
            for (int c = whole; c < d; c++) score += q[c] * key[c];
            scores[j] = score *= scale;
            max = MathF.Max(max, score);
        }

        int padded = AttentionShape.PadPastDiagonal<V>(scores, count, 0, float.NegativeInfinity);
        V most = V.Create(max), total = V.Create(0);
        for (int j = 0; j < padded; j += V.Count)
        {
            V e = SimdMath<V>.Exp(V.Load(scores + j) - most);
            V.Store(e, scores + j);
            total += e;
        }
        float norm = 1 / V.Sum(total);

        for (int c = 0; c < whole; c += V.Count)
        {
            V sum = V.Create(0);
            for (int j = 0; j < count; j++) sum = V.Fma(V.Create(scores[j]), V.Load(v + (long)j * d + c), sum);
            V.Store(sum * V.Create(norm), output + c);
        }
        for (int c = whole; c < d; c++)
        {
            float sum = 0;
            for (int j = 0; j < count; j++) sum += scores[j] * v[(long)j * d + c];
            output[c] = sum * norm;
        }
    }
}
