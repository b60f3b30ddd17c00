using NanoGpt.Tensors.Cpu.Gemm;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>The peak loop of a format, once per item.</summary>
internal readonly struct PeakWork<V, F>(int rounds) : IWork where V : unmanaged, ISimd<V> where F : IFormat<V>
{
    public void Run(int from, int to)
    {
        for (int item = from; item < to; item++) _ = F.Peak(rounds);
    }
}
