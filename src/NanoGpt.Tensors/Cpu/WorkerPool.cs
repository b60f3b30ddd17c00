using System.Runtime.CompilerServices;

namespace NanoGpt.Tensors.Cpu;

/// <summary>Work that can be done for any range of items, by any worker, in any order, with the same result.</summary>
internal interface IWork
{
    /// <summary>Does items <paramref name="from"/> (inclusive) to <paramref name="to"/> (exclusive).</summary>
    void Run(int from, int to);
}

/// <summary>
/// The threads of the CPU device. The caller is worker 0. Items are handed out by a shared counter, so a worker that the
/// system holds up delays nobody; kernels are written so that who does an item does not change its result. Idle workers
/// spin for a moment, since the next kernel is usually microseconds away, and then sleep.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    const int SpinsBeforeSleep = 4000;      // about 100 µs

    readonly Thread[] threads;
    readonly object bed = new();            // where workers sleep: a wake-up reaches all of them, so none can take another's
    volatile int generation;                // raised once per job
    volatile bool stopping;
    volatile Exception? failure;
    int sleeping;
    Job job;
    PaddedCounter next, finished;

    struct Job { public void* Work; public delegate*<void*, int, int, void> Run; public int Items, Grain; }

    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Explicit, Size = 192)]
    struct PaddedCounter { [System.Runtime.InteropServices.FieldOffset(64)] public int Value; }

    public WorkerPool(int workers)
    {
        threads = new Thread[workers - 1];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(Loop) { IsBackground = true, Name = $"nanogpt worker {i + 1}" };
            threads[i].Start();
        }
    }

    public int Workers => threads.Length + 1;

    /// <summary>Does <paramref name="items"/> items, <paramref name="grain"/> at a time; returns when all are done.</summary>
    public void Run<TWork>(int items, int grain, TWork work) where TWork : unmanaged, IWork
    {
        if (items <= grain || threads.Length == 0)
        {
            if (items > 0) work.Run(0, items);
            return;
        }
        job = new Job { Work = &work, Run = &Invoke<TWork>, Items = items, Grain = grain };
        next.Value = 0;
        finished.Value = 0;
        Interlocked.Increment(ref generation);
        if (Volatile.Read(ref sleeping) > 0) WakeAll();
        Work();
        var spin = new SpinWait();
        while (Volatile.Read(ref finished.Value) != threads.Length)
        {
            if (spin.Count < 1000) { Thread.SpinWait(8); spin.SpinOnce(-1); } else Thread.Yield();
        }
        if (failure is { } e)
        {
            failure = null;
            throw new AggregateException(e.Message, e);
        }
    }

    static void Invoke<TWork>(void* work, int from, int to) where TWork : unmanaged, IWork => Unsafe.AsRef<TWork>(work).Run(from, to);

    void Work()
    {
        var mine = job;
        try
        {
            for (int from; (from = Interlocked.Add(ref next.Value, mine.Grain) - mine.Grain) < mine.Items;)
                mine.Run(mine.Work, from, Math.Min(from + mine.Grain, mine.Items));
        }
        catch (Exception e)
        {
            failure = e;
        }
    }

    void Loop()
    {
        int seen = 0;
        while (true)
        {
            for (int spins = 0; generation == seen; spins++)
            {
                if (spins < SpinsBeforeSleep) { Thread.SpinWait(8); continue; }
                Interlocked.Increment(ref sleeping);
                lock (bed) while (generation == seen && !stopping) Monitor.Wait(bed);
                Interlocked.Decrement(ref sleeping);
                if (stopping) return;
            }
            if (stopping) return;
            seen = generation;
            Work();
            Interlocked.Increment(ref finished.Value);
        }
    }

    public void Dispose()
    {
        stopping = true;
        Interlocked.Increment(ref generation);
        WakeAll();
        foreach (var thread in threads) thread.Join();
    }

    void WakeAll()
    {
        lock (bed) Monitor.PulseAll(bed);
    }
}
