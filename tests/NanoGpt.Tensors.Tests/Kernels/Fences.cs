using System.Runtime.InteropServices;

namespace NanoGpt.Tensors.Tests;

/// <summary>Memory with something around it that tells when it was overstepped.</summary>
interface IFence : IDisposable
{
    Storage Allocate(long count);

    void AssertIntact(string kernel);
}

static class FenceContents
{
    /// <summary>Room for some values, with them in it.</summary>
    public static unsafe Storage Put(this IFence fence, float[] values)
    {
        var storage = fence.Allocate(values.Length);
        values.CopyTo(new Span<float>((void*)storage.Address, values.Length));
        return storage;
    }
}

/// <summary>NaN of a known pattern before and behind.</summary>
sealed unsafe class CanaryFence : IFence
{
    const int Margin = 96;                  // more than the widest tile
    const uint Canary = 0x7FC0_BEEF;

    readonly List<(nint Start, long Count)> runs = [];

    public Storage Allocate(long count)
    {
        uint* start = (uint*)NativeMemory.Alloc((nuint)(count + 2 * Margin), sizeof(float));
        new Span<uint>(start, Margin).Fill(Canary);
        new Span<uint>(start + Margin + count, Margin).Fill(Canary);
        runs.Add(((nint)start, count));
        return new Storage((nint)(start + Margin), count);
    }

    public void AssertIntact(string kernel)
    {
        foreach (var (start, count) in runs)
            for (int i = 0; i < Margin; i++)
            {
                if (((uint*)start)[Margin - 1 - i] != Canary) Assert.Fail($"{kernel} wrote {i + 1} elements before a run of {count}.");
                if (((uint*)start)[Margin + count + i] != Canary) Assert.Fail($"{kernel} wrote {i + 1} elements behind a run of {count}.");
            }
    }

    public void Dispose()
    {
        foreach (var (start, _) in runs) NativeMemory.Free((void*)start);
    }
}

/// <summary>
/// A page behind that may not be touched, not even read: the process ends with the kernel's name in the stack trace. Only on
/// Linux and macOS.
/// </summary>
sealed unsafe partial class GuardPageFence : IFence
{
    const int ProtectNone = 0, ProtectReadWrite = 3, Private = 2;

    static readonly int anonymous = OperatingSystem.IsMacOS() ? 0x1000 : 0x20;
    static readonly long page = Environment.SystemPageSize;

    readonly List<(nint Start, nuint Length)> runs = [];

    public Storage Allocate(long count)
    {
        long bytes = (count * sizeof(float) + page - 1) / page * page;
        nint start = mmap(0, (nuint)(bytes + page), ProtectReadWrite, Private | anonymous, -1, 0);
        Assert.True(start != -1 && mprotect(start + (nint)bytes, (nuint)page, ProtectNone) == 0, "The system gives no guard page.");
        runs.Add((start, (nuint)(bytes + page)));
        return new Storage(start + (nint)(bytes - count * sizeof(float)), count);
    }

    public void AssertIntact(string kernel) { }

    public void Dispose()
    {
        foreach (var (start, length) in runs) _ = munmap(start, length);
    }

    [LibraryImport("libc")] private static partial nint mmap(nint address, nuint length, int protection, int flags, int file, nint offset);
    [LibraryImport("libc")] private static partial int mprotect(nint address, nuint length, int protection);
    [LibraryImport("libc")] private static partial int munmap(nint address, nuint length);
}
