namespace NanoGpt.Tensors;

public static partial class Ops
{
    /// <summary>
    /// <see cref="CausalAttention"/> of new positions that also see those before them, whose keys and values a cache holds; their
    /// own join these. Not differentiable.
    /// </summary>
    /// <param name="qkv">(B, T, 3C): queries, keys and values of the T new positions.</param>
    /// <param name="past">What the layer keeps.</param>
    /// <returns>(B, T, C).</returns>
    /// <exception cref="ArgumentException">qkv does not fit the cache or is empty, or there is no room for it.</exception>
    /// <exception cref="InvalidOperationException">The tape records.</exception>
    public static Tensor CachedAttention(Tensor qkv, KeyValues past)
    {
        Expect(qkv, rank: 3);
        int batch = qkv.Shape[0], time = qkv.Shape[1], heads = past.Heads, headSize = past.HeadSize;
        var (tape, cache) = (qkv.Tape, past.Cache);
        if (tape.Recording) throw new InvalidOperationException("CachedAttention is for reading and writing text: it has no way back.");
        if (qkv.Shape[2] != 3 * heads * headSize || batch != cache.Batch)
            throw new ArgumentException($"CachedAttention: {qkv.Shape} does not fit a cache of {cache.Batch} sequences and {heads} heads of {headSize}.");
        if (cache.Length + time > cache.Capacity) throw new ArgumentException($"CachedAttention: a cache of {cache.Capacity} positions holds {cache.Length}; {time} more do not fit.");
        var y = tape.New(new Shape(batch, time, heads * headSize));
        tape.Device.AppendKeyValues(qkv.Data, past.Keys, past.Values, batch, time, cache.Length, cache.Capacity, heads, headSize);
        if (cache.Length == 0) tape.Device.AttentionForward(qkv.Data, y.Data, tape.NewStorage((long)batch * heads * time), batch, time, heads, headSize, dropout: 0, random: default);
        else tape.Device.CachedAttention(qkv.Data, past.Keys, past.Values, y.Data, batch, time, cache.Length, cache.Capacity, heads, headSize);
        return y;
    }
}
