using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>
/// <code>
/// losses[i] = log Σ_j exp(z_ij) - z_i,target        dz_ij = (exp(z_ij) / Σ_k exp(z_ik) - [j = target]) · scale
/// </code>
/// Rows with a negative target count 0 and get no gradient. dz may be z itself, or null. Items are rows.
/// </summary>
internal readonly unsafe struct CrossEntropyWork<V>(float* logits, int* targets, float* losses, float* dLogits, int vocabulary, float scale) : IWork
    where V : unmanaged, ISimd<V>
{
    public void Run(int from, int to)
    {
        int vectorEnd = vocabulary / V.Count * V.Count;
        for (int row = from; row < to; row++)
        {
            float* z = logits + (long)row * vocabulary;
            float* dz = dLogits == null ? null : dLogits + (long)row * vocabulary;
            int target = targets[row];
            if (target < 0)
            {
                losses[row] = 0;
                if (dz != null) new Span<float>(dz, vocabulary).Clear();
                continue;
            }

            float max = RowMax(z, vectorEnd);
            float zTarget = z[target];
            V mv = V.Create(max), sum = V.Create(0);
            for (int j = 0; j < vectorEnd; j += V.Count)
            {
                V e = SimdMath<V>.Exp(V.Load(z + j) - mv);
                sum += e;
                if (dz != null) V.Store(e, dz + j);
            }
            float total = V.Sum(sum);
            for (int j = vectorEnd; j < vocabulary; j++)
            {
                float e = MathF.Exp(z[j] - max);
                total += e;
                if (dz != null) dz[j] = e;
            }
            losses[row] = MathF.Log(total) + max - zTarget;
            if (dz == null) continue;

            float factor = scale / total;
            new ScaleWork<V>(dz, factor, dz, accumulate: false).Run(0, vocabulary);
            dz[target] -= scale;
        }
    }

    float RowMax(float* z, int vectorEnd)
    {
        float max = float.NegativeInfinity;
        if (vectorEnd > 0)
        {
            V m = V.Load(z);
            for (int j = V.Count; j < vectorEnd; j += V.Count) m = V.Max(m, V.Load(z + j));
            max = V.MaxLane(m);
        }
        for (int j = vectorEnd; j < vocabulary; j++) max = MathF.Max(max, z[j]);
        return max;
    }
}
