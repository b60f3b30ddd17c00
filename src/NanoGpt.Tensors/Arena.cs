namespace NanoGpt.Tensors;

/// <summary>
/// Memory for one step: handed out by moving a mark, taken back all at once. After the first step it is one block of the
/// right size, and every step of the same shape gets the same addresses.
/// </summary>
internal sealed class Arena(Device device) : IDisposable
{
    const long Alignment = 32;                  // elements, 128 bytes
    const long FirstBlock = 1 << 20;

    readonly List<Storage> blocks = [];
    int block;
    long used, handedOut, most;

    /// <summary>Elements held.</summary>
    public long Capacity => blocks.Sum(b => b.Length);

    /// <summary>A place in the arena to come back to.</summary>
    public readonly record struct Mark(int Block, long Used, long HandedOut);

    public Mark Position => new(block, used, handedOut);

    public Storage Allocate(long count)
    {
        long rounded = (count + Alignment - 1) / Alignment * Alignment;
        while (block < blocks.Count && used + rounded > blocks[block].Length) { block++; used = 0; }
        if (block == blocks.Count) blocks.Add(device.Allocate(Math.Max(rounded, Math.Max(FirstBlock, Capacity / 4))));
        var storage = blocks[block].Slice(used, count);
        used += rounded;
        handedOut += rounded;
        most = Math.Max(most, handedOut);
        return storage;
    }

    /// <summary>Takes back everything handed out since a mark.</summary>
    public void Rewind(Mark mark) => (block, used, handedOut) = (mark.Block, mark.Used, mark.HandedOut);

    /// <summary>Takes everything back; several blocks become one.</summary>
    public void Reset()
    {
        if (blocks.Count > 1)
        {
            Release();
            blocks.Add(device.Allocate(most));
        }
        (block, used, handedOut) = (0, 0, 0);
    }

    void Release()
    {
        foreach (var storage in blocks) device.Free(storage);
        blocks.Clear();
    }

    public void Dispose() => Release();
}
