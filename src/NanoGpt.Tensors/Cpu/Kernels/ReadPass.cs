using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>Reads memory once, a block per item, and does next to nothing with it: what memory can deliver.</summary>
internal readonly unsafe struct ReadPassWork<V>(float* x, long length, float* sums) : IWork where V : unmanaged, ISimd<V>
{
    /// <summary>Elements of a block: 1 MB.</summary>
    public const int Block = 1 << 18;

    public void Run(int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            float* p = x + (long)item * Block, end = p + Math.Min(Block, length - (long)item * Block) / (4 * V.Count) * (4 * V.Count);
            V a = V.Create(0), b = a, c = a, d = a;
            for (; p < end; p += 4 * V.Count)
            {
                a += V.Load(p);
                b += V.Load(p + V.Count);
                c += V.Load(p + 2 * V.Count);
                d += V.Load(p + 3 * V.Count);
            }
            sums[item] = V.Sum(a + b + (c + d));
        }
    }
}
