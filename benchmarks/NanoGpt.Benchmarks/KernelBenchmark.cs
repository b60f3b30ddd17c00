using BenchmarkDotNet.Attributes;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Benchmarks;

/// <summary>What one call does: operations, or bytes that it must read and write.</summary>
public readonly record struct Work(double Operations, double Bytes)
{
    public static Work OfOperations(double operations) => new(operations, 0);

    public static Work OfBytes(double bytes) => new(0, bytes);
}

/// <summary>Kernels measured through the device contract, on all cores.</summary>
public abstract class KernelBenchmark
{
    readonly List<Storage> storages = [];

    /// <summary>In which precision matrices are multiplied.</summary>
    public virtual Precision Precision { get; set; }

    protected CpuDevice Device { get; private set; } = null!;

    /// <summary>What a call of a benchmark does, at the present parameters.</summary>
    public abstract Work WorkOf(string benchmark);

    /// <summary>Makes the operands.</summary>
    protected abstract void Allocate();

    [GlobalSetup]
    public void Setup()
    {
        Device = CpuDevice.Create(precision: Precision);
        Allocate();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        foreach (var storage in storages) Device.Free(storage);
        storages.Clear();
        Device.Dispose();
    }

    /// <summary>Room, filled with normal numbers: zeros would multiply as fast, but not round or overflow as real ones do.</summary>
    protected Storage Normal(long count, float std = 1)
    {
        var storage = Device.Allocate(count);
        storages.Add(storage);
        Device.FillNormal(storage, std, seed: 1, stream: (uint)storages.Count);
        return storage;
    }

    /// <summary>Token ids.</summary>
    protected Storage Ids(int count, int below)
    {
        var storage = Device.Allocate(count);
        storages.Add(storage);
        var random = new Random(1);
        Device.Write([.. Enumerable.Range(0, count).Select(_ => random.Next(below))], storage);
        return storage;
    }
}
