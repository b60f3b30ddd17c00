using System.Runtime.InteropServices;

namespace NanoGpt.Tensors.Tests;

/// <summary>
/// Memory for one run of a kernel, filled and then judged: inputs must keep their values, destinations must be written in
/// full and with numbers, and nothing around any of them may change. What surrounds inputs is NaN, so a value read from
/// outside shows in the result.
/// </summary>
sealed class Workbench(Device device, IFence fence, int seed = 1) : IDisposable
{
    const uint Unwritten = 0x7FC0_DEAD;     // a NaN that no kernel makes

    readonly List<(Storage Storage, float[]? Kept, bool IsResult)> places = [];
    int next = seed * 1000;

    public Device Device => device;

    /// <summary>An input of normal numbers.</summary>
    public Storage In(long count) => Place(RandomValues.Normal(count, next++), isResult: false);

    /// <summary>An input of positive numbers.</summary>
    public Storage Positive(long count) => Place([.. RandomValues.Normal(count, next++).Select(Math.Abs)], isResult: false);

    /// <summary>An input of normal numbers in bf16, two to an element.</summary>
    public Storage Narrow(long count)
    {
        static uint Half(float x) => BitConverter.SingleToUInt32Bits(x) >> 16;
        float[] halves = RandomValues.Normal((count + 1) / 2 * 2, next++);
        return Place([.. halves.Chunk(2).Select(pair => BitConverter.UInt32BitsToSingle(Half(pair[0]) | Half(pair[1]) << 16))], isResult: false);
    }

    /// <summary>An input of whole numbers in [0, below).</summary>
    public Storage Ids(int count, int below) => Place([.. RandomValues.Ids(count, below, next++).Select(BitConverter.Int32BitsToSingle)], isResult: false);

    /// <summary>A destination that the kernel must write in full.</summary>
    public Storage Out(long count)
    {
        var values = new float[count];
        Array.Fill(values, BitConverter.UInt32BitsToSingle(Unwritten));
        return Place(values, isResult: true);
    }

    /// <summary>A destination that the kernel reads and writes, of positive numbers.</summary>
    public Storage InOut(long count) => Place([.. RandomValues.Normal(count, next++).Select(Math.Abs)], isResult: true);

    public RandomKey RandomKey => new(Seed: 42, Ids(2, 1000), Operation: 3);

    /// <summary>The destinations, in the order in which they were asked for.</summary>
    public List<float[]> Results => [.. places.Where(p => p.IsResult).Select(p => Read(p.Storage))];

    /// <summary>Holds the kernel to what a kernel may do.</summary>
    public void Judge(string kernel)
    {
        fence.AssertIntact(kernel);
        foreach (var (storage, kept, isResult) in places)
        {
            var values = Read(storage);
            if (!isResult) Assert.True(MemoryMarshal.AsBytes(kept.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(values.AsSpan())), $"{kernel} changed an input.");
            else
                for (int i = 0; i < values.Length; i++)
                    if (!float.IsFinite(values[i]))
                        Assert.Fail(BitConverter.SingleToUInt32Bits(values[i]) == Unwritten
                            ? $"{kernel} did not write element {i} of {values.Length}."
                            : $"{kernel} made {values[i]} at {i} of {values.Length}.");
        }
    }

    Storage Place(float[] values, bool isResult)
    {
        var storage = fence.Allocate(values.Length);
        device.Write(values, storage);
        places.Add((storage, isResult ? null : values, isResult));
        return storage;
    }

    float[] Read(Storage storage)
    {
        var values = new float[storage.Length];
        device.Read(storage, values);
        return values;
    }

    public void Dispose() => fence.Dispose();
}
