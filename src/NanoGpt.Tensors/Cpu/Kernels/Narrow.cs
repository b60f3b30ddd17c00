using NanoGpt.Tensors.Cpu.Bf16;
using NanoGpt.Tensors.Cpu.Simd;

namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>y = x rounded to bf16, to the nearest, ties to even; a NaN stays one.</summary>
internal readonly unsafe struct NarrowWork(float* x, ushort* y) : IFlatWork<NarrowWork>
{
    public NarrowWork From(long start) => new(x + start, y + start);

    public void Run(int from, int to)
    {
        for (int i = from; i < to; i++) y[i] = (ushort)(Bf16Format.Round(x[i]) >> 16);
    }
}

/// <summary>y = x, from bf16 to fp32.</summary>
internal readonly unsafe struct WidenWork<V>(ushort* x, float* y) : IFlatWork<WidenWork<V>> where V : unmanaged, ISimd<V>
{
    public WidenWork<V> From(long start) => new(x + start, y + start);

    public void Run(int from, int to)
    {
        int i = from;
        for (; i + V.Count <= to; i += V.Count) V.Store(V.LoadNarrow(x + i), y + i);
        for (; i < to; i++) y[i] = NarrowWeights<V>.Element((byte*)(x + i));
    }
}

/// <summary>y[b, t, :] = tokens[ids[b, t], :] + positions[t, :] from bf16 tables. Items are rows of y.</summary>
internal readonly unsafe struct NarrowEmbeddingForward(int* ids, ushort* tokens, ushort* positions, float* y, int time, int channels) : IWork
{
    public void Run(int from, int to)
    {
        for (int row = from; row < to; row++)
        {
            ushort* token = tokens + (long)ids[row] * channels, position = positions + (long)(row % time) * channels;
            for (int c = 0; c < channels; c++)
                y[(long)row * channels + c] = BitConverter.UInt32BitsToSingle((uint)token[c] << 16) + BitConverter.UInt32BitsToSingle((uint)position[c] << 16);
        }
    }
}
