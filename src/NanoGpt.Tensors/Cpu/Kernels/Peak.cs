using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>Fused multiply-adds on twelve independent accumulators in registers: enough to keep two pipes of latency 4 to 6 busy.</summary>
internal readonly unsafe struct PeakWork<V>(int rounds) : IWork where V : unmanaged, ISimd<V>
{
    public static double Flops(int rounds) => 2.0 * 12 * V.Count * rounds;

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveOptimization)]
    public void Run(int from, int to)
    {
        for (int item = from; item < to; item++)
        {
            V m = V.Create(0.5f), d = V.Create(1f);
            V a = d, b = d, c = d, e = d, f = d, g = d, h = d, i = d, j = d, k = d, l = d, n = d;
            for (int r = 0; r < rounds; r++)
            {
                a = V.Fma(a, m, d); b = V.Fma(b, m, d); c = V.Fma(c, m, d); e = V.Fma(e, m, d);
                f = V.Fma(f, m, d); g = V.Fma(g, m, d); h = V.Fma(h, m, d); i = V.Fma(i, m, d);
                j = V.Fma(j, m, d); k = V.Fma(k, m, d); l = V.Fma(l, m, d); n = V.Fma(n, m, d);
            }
            float sum = V.Sum(a + b + c + e + (f + g + h + i) + (j + k + l + n));
            if (float.IsNaN(sum)) throw new InvalidOperationException("The peak loop went wrong.");     // keeps the loop alive
        }
    }
}
