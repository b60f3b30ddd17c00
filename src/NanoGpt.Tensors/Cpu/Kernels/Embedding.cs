namespace NanoGpt.Tensors.Cpu.Kernels;

/// <summary>y[b, t, :] = tokens[ids[b, t], :] + positions[t, :]. Items are the B·T places.</summary>
internal readonly unsafe struct EmbeddingForward<V>(int* ids, float* tokens, float* positions, float* y, int time, int channels) : IWork
    where V : unmanaged, Simd.ISimd<V>
{
    public void Run(int from, int to)
    {
        for (int place = from; place < to; place++)
            new AddWork<V>(tokens + (long)ids[place] * channels, positions + (long)(place % time) * channels, y + (long)place * channels).Run(0, channels);
    }
}

/// <summary>
/// dTokens[ids[b, t], :] += dy[b, t, :]; dPositions[t, :] += dy[b, t, :]. Items are columns: many places can hold the same
/// token, so each worker takes all places for some columns, and the order of the sums is that of the places.
/// </summary>
internal readonly unsafe struct EmbeddingBackward<V>(int* ids, float* dy, float* dTokens, float* dPositions, int places, int time, int channels) : IWork
    where V : unmanaged, Simd.ISimd<V>
{
    public void Run(int from, int to)
    {
        for (int place = 0; place < places; place++)
        {
            float* source = dy + (long)place * channels + from;
            float* token = dTokens + (long)ids[place] * channels + from;
            float* position = dPositions + (long)(place % time) * channels + from;
            new AddWork<V>(source, token, token).Run(0, to - from);
            new AddWork<V>(source, position, position).Run(0, to - from);
        }
    }
}
