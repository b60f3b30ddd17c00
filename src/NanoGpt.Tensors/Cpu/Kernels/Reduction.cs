using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>
/// partial[block] = Σ x² of a block of <paramref name="blockLength"/> elements, each vector's squares summed in fp32 over a
/// short run and then in fp64. Items are blocks, so the total does not depend on the threads.
/// </summary>
internal readonly unsafe struct SumOfSquaresWork<V>(float* x, long length, int blockLength, double* partial) : IWork where V : unmanaged, ISimd<V>
{
    const int RunLength = 512;

    public void Run(int from, int to)
    {
        for (int block = from; block < to; block++)
        {
            long start = (long)block * blockLength, end = Math.Min(length, start + blockLength);
            double sum = 0;
            for (long i = start; i < end; i += RunLength) sum += Squares(x + i, (int)Math.Min(RunLength, end - i));
            partial[block] = sum;
        }
    }

    static float Squares(float* x, int count)
    {
        V a = V.Create(0), b = a, c = a, d = a;
        int i = 0;
        for (; i + 4 * V.Count <= count; i += 4 * V.Count)
        {
            V p = V.Load(x + i), q = V.Load(x + i + V.Count), r = V.Load(x + i + 2 * V.Count), s = V.Load(x + i + 3 * V.Count);
            a = V.Fma(p, p, a); b = V.Fma(q, q, b); c = V.Fma(r, r, c); d = V.Fma(s, s, d);
        }
        float sum = V.Sum((a + b) + (c + d));
        for (; i < count; i++) sum += x[i] * x[i];
        return sum;
    }
}
