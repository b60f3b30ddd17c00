using System.Runtime.CompilerServices;

namespace NanoGpt.Tensors.Cpu;

/// <summary>Work that can be done for any range of items, by any worker, in any order, with the same result.</summary>
internal interface IWork
{
    /// <summary>Does items <paramref name="from"/> (inclusive) to <paramref name="to"/> (exclusive).</summary>
    void Run(int from, int to);
}

/// <summary>
/// The threads of the CPU device. The caller is worker 0. Items are handed out by a shared ticket, and a job is over when its
/// items are done, whether or not every worker came: one that the system holds up delays nobody. Kernels are written so that
/// who does an item does not change its result. Idle workers spin for a moment, since the next kernel is usually
/// microseconds away, and then sleep.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    const int SpinsBeforeSleep = 4000;      // about 100 µs
    const uint Closed = uint.MaxValue;      // a ticket without items

    readonly Thread[] threads;
    readonly object bed = new();            // where workers sleep: a wake-up reaches all of them, so none can take another's
    volatile bool stopping;
    volatile Exception? failure;
    int sleeping;
    Job job;                                // written only while the ticket is closed
    PaddedCounter ticket;                   // number of the job, and in the lower half its next item
    PaddedCounter finished;                 // items done since the beginning

    struct Job { public void* Work; public delegate*<void*, int, int, void> Run; public int Items, Grain; }

    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Explicit, Size = 192)]
    struct PaddedCounter { [System.Runtime.InteropServices.FieldOffset(64)] public long Value; }

    public WorkerPool(int workers)
    {
        ticket.Value = Closed;
        threads = new Thread[workers - 1];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(Loop) { IsBackground = true, Name = $"nanogpt worker {i + 1}" };
            threads[i].Start();
        }
    }

    public int Workers => threads.Length + 1;

    /// <summary>Items done since the beginning; may be read from any thread.</summary>
    public long Done => Volatile.Read(ref finished.Value);

    /// <summary>Does <paramref name="items"/> items, <paramref name="grain"/> at a time; returns when all are done.</summary>
    public void Run<TWork>(int items, int grain, TWork work) where TWork : unmanaged, IWork
    {
        if (items <= grain || threads.Length == 0)
        {
            for (long from = 0; from < items; from += grain)
            {
                int to = (int)Math.Min(from + grain, items);
                work.Run((int)from, to);
                Interlocked.Add(ref finished.Value, to - from);
            }
            return;
        }
        job = new Job { Work = &work, Run = &Invoke<TWork>, Items = items, Grain = grain };
        long end = finished.Value + items;
        long number = JobNumber + 1L;
        Interlocked.Exchange(ref ticket.Value, number << 32);
        if (Volatile.Read(ref sleeping) > 0) WakeAll();
        Work();
        var spin = new SpinWait();
        while (Volatile.Read(ref finished.Value) != end)
        {
            if (spin.Count < 1000) { Thread.SpinWait(8); spin.SpinOnce(-1); } else Thread.Yield();
        }
        Interlocked.Exchange(ref ticket.Value, number << 32 | Closed);
        if (failure is { } e)
        {
            failure = null;
            throw new AggregateException(e.Message, e);
        }
    }

    static void Invoke<TWork>(void* work, int from, int to) where TWork : unmanaged, IWork => Unsafe.AsRef<TWork>(work).Run(from, to);

    uint JobNumber => (uint)(Volatile.Read(ref ticket.Value) >> 32);

    /// <summary>Takes items of the present job until there are none.</summary>
    void Work()
    {
        while (true)
        {
            long seen = Volatile.Read(ref ticket.Value);
            var mine = job;     // half of an old job and half of a new one, maybe; but then the ticket has changed, too
            uint from = (uint)seen;
            if (from >= (uint)mine.Items) return;
            if (Interlocked.CompareExchange(ref ticket.Value, seen + mine.Grain, seen) != seen) continue;
            int to = (int)Math.Min(from + (uint)mine.Grain, (uint)mine.Items);
            try
            {
                mine.Run(mine.Work, (int)from, to);
            }
            catch (Exception e)
            {
                failure = e;
            }
            Interlocked.Add(ref finished.Value, to - from);
        }
    }

    void Loop()
    {
        uint seen = 0;
        while (!stopping)
        {
            for (int spins = 0; JobNumber == seen && !stopping; spins++)
            {
                if (spins < SpinsBeforeSleep) { Thread.SpinWait(8); continue; }
                Interlocked.Increment(ref sleeping);
                lock (bed) while (JobNumber == seen && !stopping) Monitor.Wait(bed);
                Interlocked.Decrement(ref sleeping);
            }
            seen = JobNumber;
            Work();
        }
    }

    public void Dispose()
    {
        stopping = true;
        WakeAll();
        foreach (var thread in threads) thread.Join();
    }

    void WakeAll()
    {
        lock (bed) Monitor.PulseAll(bed);
    }
}
