namespace NanoGpt.Tensors;

/// <summary>
/// The keys and values of the positions that a model has seen: with them it reads on from there, at the cost of the new
/// tokens alone. All sequences of a batch have the same length.
/// </summary>
public sealed class KeyValueCache : IDisposable
{
    readonly Device device;
    Storage memory;
    readonly KeyValues[] layers;

    /// <summary>An empty cache.</summary>
    /// <param name="device">Where it lies.</param>
    /// <param name="layers">Attention layers.</param>
    /// <param name="batch">Sequences.</param>
    /// <param name="capacity">Positions that it has room for.</param>
    /// <param name="heads">Heads of a layer.</param>
    /// <param name="headSize">Width of a head.</param>
    public KeyValueCache(Device device, int layers, int batch, int capacity, int heads, int headSize)
    {
        this.device = device;
        (Batch, Capacity) = (batch, capacity);
        long length = (long)batch * heads * capacity * headSize;
        memory = device.Allocate(2 * layers * length);
        this.layers = [.. Enumerable.Range(0, layers).Select(i => new KeyValues(this, memory.Slice(2 * i * length, length), memory.Slice((2 * i + 1) * length, length), heads, headSize))];
    }

    /// <summary>Sequences.</summary>
    public int Batch { get; }

    /// <summary>Positions that it has room for.</summary>
    public int Capacity { get; }

    /// <summary>Positions that it holds.</summary>
    public int Length { get; private set; }

    /// <summary>What an attention layer keeps.</summary>
    public KeyValues this[int layer] => layers[layer];

    /// <summary>All layers have taken in so many new positions.</summary>
    /// <exception cref="InvalidOperationException">There is no room for them.</exception>
    public void Advance(int positions)
    {
        if (Length + positions > Capacity) throw new InvalidOperationException($"A cache of {Capacity} positions cannot hold {Length + positions}.");
        Length += positions;
    }

    /// <summary>A cache in which every sequence stands <paramref name="copies"/> times, one after another: to continue each in several ways.</summary>
    public KeyValueCache Repeat(int copies)
    {
        var (heads, headSize) = (layers[0].Heads, layers[0].HeadSize);
        var repeated = new KeyValueCache(device, layers.Length, Batch * copies, Capacity, heads, headSize) { Length = Length };
        long sequence = (long)heads * Capacity * headSize;
        for (int layer = 0; layer < layers.Length; layer++)
            for (int b = 0; b < repeated.Batch; b++)
            {
                device.Copy(layers[layer].Keys.Slice(b / copies * sequence, sequence), repeated[layer].Keys.Slice(b * sequence, sequence));
                device.Copy(layers[layer].Values.Slice(b / copies * sequence, sequence), repeated[layer].Values.Slice(b * sequence, sequence));
            }
        return repeated;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!memory.IsNone) device.Free(memory);
        memory = default;
    }
}

/// <summary>What one attention layer keeps of the positions before: keys and values, each (B, heads, capacity, d).</summary>
public sealed record KeyValues(KeyValueCache Cache, Storage Keys, Storage Values, int Heads, int HeadSize);
