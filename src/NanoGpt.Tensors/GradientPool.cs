namespace NanoGpt.Tensors;

/// <summary>
/// Memory for the gradients of activations. They live briefly: made by the operation after, used up by the operation
/// before. So a handful of buffers, reused by size, serve the whole way back.
/// </summary>
internal sealed class GradientPool(Arena arena)
{
    readonly Dictionary<long, Stack<Storage>> free = [];
    readonly Dictionary<Storage, int> others = [];      // how many tensors beside one have this gradient

    public Storage Rent(long count) => free.TryGetValue(count, out var stack) && stack.Count > 0 ? stack.Pop() : arena.Allocate(count);

    /// <summary>Notes that one more tensor has this gradient: it has to be returned once more.</summary>
    public void Share(Storage storage) => others[storage] = others.GetValueOrDefault(storage) + 1;

    public bool IsShared(Storage storage) => others.ContainsKey(storage);

    public void Return(Storage storage)
    {
        if (others.Remove(storage, out int count))
        {
            if (count > 1) others[storage] = count - 1;
            return;
        }
        if (!free.TryGetValue(storage.Length, out var stack)) free.Add(storage.Length, stack = new());
        stack.Push(storage);
    }

    /// <summary>Forgets the buffers: the arena beneath has been reset.</summary>
    public void Clear()
    {
        foreach (var stack in free.Values) stack.Clear();
        others.Clear();
    }
}
