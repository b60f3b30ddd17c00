namespace NanoGpt.Tensors;

/// <summary>
/// Memory for the gradients of activations. They live briefly: made by the operation after, used up by the operation
/// before. So a handful of buffers, reused by size, serve the whole way back.
/// </summary>
internal sealed class GradientPool(Arena arena)
{
    readonly Dictionary<long, Stack<Storage>> free = [];

    public Storage Rent(long count) => free.TryGetValue(count, out var stack) && stack.Count > 0 ? stack.Pop() : arena.Allocate(count);

    public void Return(Storage storage)
    {
        if (!free.TryGetValue(storage.Length, out var stack)) free.Add(storage.Length, stack = new());
        stack.Push(storage);
    }

    /// <summary>Forgets the buffers: the arena beneath has been reset.</summary>
    public void Clear()
    {
        foreach (var stack in free.Values) stack.Clear();
    }
}
