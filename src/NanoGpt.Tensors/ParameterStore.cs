namespace NanoGpt.Tensors;

/// <summary>
/// The memory of a model: all values in one flat run, all gradients in another. Parameters that decay come first, so an
/// optimizer needs two passes, not one per tensor; gradient norm, all-reduce and checkpoint are passes over flat memory.
/// </summary>
public sealed class ParameterStore : IDisposable
{
    const long Alignment = 32;      // elements: a parameter starts on a 128-byte boundary

    Storage grads;

    /// <summary>Takes the parameters in and gives them memory; values are set by <see cref="Initialize"/> or by loading.</summary>
    /// <param name="device">Where the memory is.</param>
    /// <param name="parameters">The parameters, none of which belongs to a store yet.</param>
    /// <param name="gradients">Whether there is memory for gradients; a model that only writes text needs none.</param>
    public ParameterStore(Device device, IEnumerable<Parameter> parameters, bool gradients = true)
    {
        Device = device;
        Parameters = [.. parameters.OrderBy(p => p.Decays ? 0 : 1)];
        if (Parameters.DistinctBy(p => p.Name).Count() != Parameters.Count) throw new ArgumentException("Two parameters have the same name.");
        long length = 0;
        foreach (var p in Parameters)
        {
            if (!p.Data.IsNone) throw new ArgumentException($"{p.Name} already belongs to a store.");
            length += RoundUp(p.Shape.Count);
            if (p.Decays) DecayedLength = length;
        }
        Values = device.Allocate(length);
        device.Fill(Values, 0);
        if (gradients)
        {
            grads = device.Allocate(length);
            device.Fill(grads, 0);
        }
        long offset = 0;
        foreach (var p in Parameters)
        {
            p.Data = Values.Slice(offset, p.Shape.Count);
            if (gradients) (p.Grad, p.HasGradient) = (grads.Slice(offset, p.Shape.Count), true);      // zero, and to be added to
            offset += RoundUp(p.Shape.Count);
        }
    }

    /// <summary>The device that holds the memory.</summary>
    public Device Device { get; }

    /// <summary>The parameters, in the order of the flat memory.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>All values. The few elements of padding between parameters are zero and stay zero, until <see cref="Narrow"/> makes room of another length, where they are undefined.</summary>
    public Storage Values { get; private set; }

    /// <summary>All gradients, parallel to <see cref="Values"/>; none where the store was made without.</summary>
    /// <remarks>To read it makes those zero into which nothing has flowed, and those of frozen parameters.</remarks>
    public Storage Grads
    {
        get
        {
            foreach (var p in Parameters)
            {
                if (p.HasGradient && !p.Frozen || grads.IsNone) continue;
                Device.Fill(p.Grad, 0);
                p.HasGradient = true;
            }
            return grads;
        }
    }

    /// <summary>A part of the gradients as it lies in memory, also where nothing has flowed into it yet.</summary>
    public Storage GradientMemory(long start, long length) => grads.Slice(start, length);

    /// <summary>The first so many elements decay; the rest do not.</summary>
    public long DecayedLength { get; }

    /// <summary>What an optimizer updates: as few stretches of flat memory as hold all that is not frozen, none of them both decaying and not.</summary>
    public IEnumerable<(long Start, long Length, bool Decays)> Trained()
    {
        for (int i = 0; i < Parameters.Count;)
        {
            var first = Parameters[i++];
            if (first.Frozen) continue;
            while (i < Parameters.Count && !Parameters[i].Frozen && Parameters[i].Decays == first.Decays) i++;
            long start = OffsetOf(first), end = i < Parameters.Count ? OffsetOf(Parameters[i]) : Values.Length;
            yield return (start, end - start, first.Decays);
        }
    }

    /// <summary>Number of parameters, padding not counted.</summary>
    public long Count => Parameters.Sum(p => p.Shape.Count);

    /// <summary>Draws the starting values: normal numbers from (seed, name), so a tensor's start does not depend on the others.</summary>
    /// <exception cref="InvalidOperationException">The store was narrowed.</exception>
    public void Initialize(ulong seed)
    {
        if (Parameters.Any(p => p.IsNarrow)) throw new InvalidOperationException("The weights were narrowed to bf16; starting values are fp32.");
        foreach (var p in Parameters)
        {
            if (p.Std > 0) Device.FillNormal(p.Data, p.Std, seed, StableHash(p.Name));
            else Device.Fill(p.Data, p.Constant);
        }
    }

    /// <summary>
    /// Sets all gradients to zero, without touching their memory: the first to put a gradient there overwrites what it finds.
    /// For a large model that saves two passes over memory a step.
    /// </summary>
    public void ZeroGrad()
    {
        foreach (var p in Parameters) p.HasGradient = false;
    }

    /// <summary>
    /// Rounds the matrices to bf16 and keeps only that: half the memory, and half the bytes to read for a token that is
    /// written. The model can write text from then on, but neither be trained nor be saved. A second call changes nothing.
    /// </summary>
    /// <exception cref="InvalidOperationException">The store has gradients.</exception>
    public void Narrow()
    {
        if (!grads.IsNone) throw new InvalidOperationException("A model with gradients is trained in fp32; its weights cannot be narrowed.");
        if (Parameters.Any(p => p.IsNarrow)) return;
        var wide = Values;
        Values = Device.Allocate(Parameters.Sum(p => RoundUp(NarrowLength(p))));
        long offset = 0;
        foreach (var p in Parameters)
        {
            var place = Values.Slice(offset, NarrowLength(p));
            if (p.Decays) Device.Narrow(p.Data, place);
            else Device.Copy(p.Data, place);
            (p.Data, p.IsNarrow) = (place, p.Decays);
            offset += RoundUp(place.Length);
        }
        Device.Free(wide);
    }

    static long NarrowLength(Parameter p) => p.Decays ? (p.Shape.Count + 1) / 2 : p.Shape.Count;

    /// <summary>Where a parameter starts in the flat memory.</summary>
    public long OffsetOf(Parameter parameter) => (parameter.Data.Address - Values.Address) / sizeof(float);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var storage in (Storage[])[Values, grads])
            if (!storage.IsNone) Device.Free(storage);
        Values = grads = default;
    }

    static long RoundUp(long count) => (count + Alignment - 1) / Alignment * Alignment;

    /// <summary>FNV-1a: string.GetHashCode differs from process to process.</summary>
    static uint StableHash(string name)
    {
        uint hash = 2166136261;
        foreach (char c in name) hash = (hash ^ c) * 16777619;
        return hash;
    }
}
