using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>x ~ N(0, std²) by Box and Muller (1958), four numbers from each Philox draw. Items are groups of four.</summary>
internal readonly unsafe struct NormalWork(float* x, long length, float std, ulong seed, uint stream) : IWork
{
    const uint Purpose = 0x494E4954;        // "INIT"

    public void Run(int from, int to)
    {
        float* normals = stackalloc float[4];
        for (int group = from; group < to; group++)
        {
            var (a, b, c, d) = Philox.Draw(seed, (uint)group, stream, Purpose, 0);
            BoxMuller(a, b, out normals[0], out normals[1]);
            BoxMuller(c, d, out normals[2], out normals[3]);
            long start = 4L * group;
            for (int i = 0; i < 4 && start + i < length; i++) x[start + i] = std * normals[i];
        }
    }

    static void BoxMuller(uint a, uint b, out float x, out float y)
    {
        double radius = Math.Sqrt(-2 * Math.Log((a + 1.0) / 4294967296.0)), angle = 2 * Math.PI * (b / 4294967296.0);
        x = (float)(radius * Math.Cos(angle));
        y = (float)(radius * Math.Sin(angle));
    }
}

/// <summary>
/// Dropout masks, drawn from Philox by (seed, iteration, micro-batch, operation, index) and never stored.
/// A word of 32 bits decides one element: kept if it is at least probability · 2³².
/// </summary>
internal readonly unsafe struct DropoutMask
{
    const uint Purpose = 0x44524F50;        // "DROP"

    readonly ulong key;
    readonly uint operation, micro, threshold;
    readonly float keep;

    public DropoutMask(RandomKey random, float probability)
    {
        int* step = (int*)random.Step.Address;
        // The iteration goes into the key; the operation shares a counter word with the purpose, the micro-batch has its own.
        key = random.Seed ^ ((ulong)(uint)step[0] << 32 | (uint)step[0]) * 0x9E3779B97F4A7C15;
        micro = (uint)step[1];
        operation = random.Operation;
        threshold = (uint)Math.Min(uint.MaxValue, probability * 4294967296.0);
        keep = 1 / (1 - probability);
    }

    /// <summary>
    /// Factors 0 or 1/(1 - p) for elements [4·group, 4·(group + groups)) of a mask, into <paramref name="factors"/>.
    /// <paramref name="plane"/> tells apart masks of one operation, such as heads.
    /// </summary>
    public void Fill(uint plane, uint group, int groups, float* factors)
    {
        for (int i = 0; i < groups; i++)
        {
            var (a, b, c, d) = Philox.Draw(key, group + (uint)i, plane, Purpose ^ operation, micro);
            factors[4 * i] = a >= threshold ? keep : 0;
            factors[4 * i + 1] = b >= threshold ? keep : 0;
            factors[4 * i + 2] = c >= threshold ? keep : 0;
            factors[4 * i + 3] = d >= threshold ? keep : 0;
        }
    }
}

/// <summary>y (+)= x · mask. Items are groups of four elements.</summary>
internal readonly unsafe struct DropoutWork<V>(float* x, float* y, long length, DropoutMask mask, bool accumulate) : IWork where V : unmanaged, ISimd<V>
{
    const int GroupsAtOnce = 16;

    public void Run(int from, int to)
    {
        float* factors = stackalloc float[4 * GroupsAtOnce];
        for (int group = from; group < to; group += GroupsAtOnce)
        {
            int groups = Math.Min(GroupsAtOnce, to - group);
            mask.Fill(0, (uint)group, groups, factors);
            long start = 4L * group;
            int count = (int)Math.Min(4 * groups, length - start), i = 0;
            float* xs = x + start;
            float* ys = y + start;
            for (; i + V.Count <= count; i += V.Count)
            {
                V m = V.Load(xs + i) * V.Load(factors + i);
                V.Store(accumulate ? m + V.Load(ys + i) : m, ys + i);
            }
            for (; i < count; i++) ys[i] = accumulate ? ys[i] + xs[i] * factors[i] : xs[i] * factors[i];
        }
    }
}
