using System.Runtime.CompilerServices;
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
    /// <summary>Keys of the next head to ask for: not so many that they crowd out what is needed now.</summary>
    const int KeysAhead = 64;

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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Attend(float* q, float* k, float* v, float* output, int count, float* scores)
    {
        int d = shape.HeadSize, j = 0, c = 0;
        float scale = shape.Scale;
        for (; j + 4 <= count; j += 4)
        {
            Prefetch.Row(v + (long)j * d, 4 * d);       // the values come after all keys, in memory of their own
            FourScores(q, k + (long)j * d, scores + j, scale);
        }
        for (; j < count; j++) scores[j] = Score(q, k + (long)j * d, scale);

        int padded = AttentionShape.PadPastDiagonal<V>(scores, count, 0, float.NegativeInfinity);
        V max = V.Load(scores), total = V.Create(0);
        for (j = V.Count; j < padded; j += V.Count) max = V.Max(max, V.Load(scores + j));
        V most = V.Create(V.MaxLane(max));
        for (j = 0; j < padded; j += V.Count)
        {
            V e = SimdMath<V>.Exp(V.Load(scores + j) - most);
            V.Store(e, scores + j);
            total += e;
        }
        float norm = 1 / V.Sum(total);

        for (; c + 4 * V.Count <= d; c += 4 * V.Count) FourMeans(scores, v + c, output + c, count, norm, k + (long)cache.Capacity * d);
        for (; c + V.Count <= d; c += V.Count)
        {
            V sum = V.Create(0);
            for (j = 0; j < count; j++) sum = V.Fma(V.Create(scores[j]), V.Load(v + (long)j * d + c), sum);
            V.Store(sum * V.Create(norm), output + c);
        }
        for (; c < d; c++)
        {
            float sum = 0;
            for (j = 0; j < count; j++) sum += scores[j] * v[(long)j * d + c];
            output[c] = sum * norm;
        }
    }

    float Score(float* q, float* key, float scale)
    {
        int d = shape.HeadSize, c = 0;
        V dot = V.Create(0);
        for (; c + V.Count <= d; c += V.Count) dot = V.Fma(V.Load(q + c), V.Load(key + c), dot);
        return Score(q, key, dot, c, scale);
    }

    /// <summary>Four keys at a time: no sum waits for the one before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void FourScores(float* q, float* key, float* scores, float scale)
    {
        int d = shape.HeadSize, c = 0;
        V s0 = V.Create(0), s1 = s0, s2 = s0, s3 = s0;
        for (; c + V.Count <= d; c += V.Count)
        {
            V x = V.Load(q + c);
            s0 = V.Fma(x, V.Load(key + c), s0);
            s1 = V.Fma(x, V.Load(key + d + c), s1);
            s2 = V.Fma(x, V.Load(key + 2 * d + c), s2);
            s3 = V.Fma(x, V.Load(key + 3 * d + c), s3);
        }
        scores[0] = Score(q, key, s0, c, scale);
        scores[1] = Score(q, key + d, s1, c, scale);
        scores[2] = Score(q, key + 2 * d, s2, c, scale);
        scores[3] = Score(q, key + 3 * d, s3, c, scale);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    float Score(float* q, float* key, V dot, int c, float scale)
    {
        float score = V.Sum(dot);
        for (; c < shape.HeadSize; c++) score += q[c] * key[c];
        return score * scale;
    }

    /// <summary>Four vectors of channels at a time, for the same reason. Meanwhile the first of the next head's keys are on their way.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void FourMeans(float* weights, float* value, float* output, int count, float norm, float* next)
    {
        int d = shape.HeadSize;
        V s0 = V.Create(0), s1 = s0, s2 = s0, s3 = s0, n = V.Create(norm);
        for (int j = 0; j < count; j++, value += d)
        {
            if (j < KeysAhead) Prefetch.Row(next + j * d, d);
            V p = V.Create(weights[j]);
            s0 = V.Fma(p, V.Load(value), s0);
            s1 = V.Fma(p, V.Load(value + V.Count), s1);
            s2 = V.Fma(p, V.Load(value + 2 * V.Count), s2);
            s3 = V.Fma(p, V.Load(value + 3 * V.Count), s3);
        }
        V.Store(s0 * n, output);
        V.Store(s1 * n, output + V.Count);
        V.Store(s2 * n, output + 2 * V.Count);
        V.Store(s3 * n, output + 3 * V.Count);
    }
}
