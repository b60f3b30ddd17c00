using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace NanoGpt.Tensors.Cpu;

/// <summary>Work that can be done for any range of items, by any worker, in any order, with the same result.</summary>
internal interface IWork
{
    /// <summary>Does items <paramref name="from"/> (inclusive) to <paramref name="to"/> (exclusive).</summary>
    void Run(int from, int to);
}

/// <summary>Work whose items are the elements of flat memory, of which there may be more than an <see cref="int"/> counts.</summary>
internal interface IFlatWork<TSelf> : IWork where TSelf : unmanaged, IFlatWork<TSelf>
{
    /// <summary>The same work on what begins with element <paramref name="start"/>.</summary>
    TSelf From(long start);
}

/// <summary>
/// The threads of the CPU device. The caller is worker 0. Each worker has a share of a job's items, the same part of every job, so
/// that the rows it wrote in one kernel are in its own cache in the next; one that is done with its share takes from those of
/// others. A job is over when its items are done, whether or not every worker came: one that the system holds up delays nobody.
/// Kernels are written so that who does an item does not change its result. Idle workers spin for a moment, since the next kernel
/// is usually microseconds away, and then sleep.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    const int SpinsBeforeYield = 2000;      // about 100 µs
    const int SpinsBeforeSleep = 20_000;    // about 1 ms

    readonly Thread[] threads;
    readonly object bed = new();            // where workers sleep: a wake-up reaches all of them, so none can take another's
    volatile bool stopping;
    volatile Exception? failure;
    int sleeping;
    Job job;                                // written only between jobs
    PaddedCounter number;                   // of the job: odd while it runs, even between jobs
    PaddedCounter finished;                 // items done since the beginning
    readonly PaddedCounter[] shares;        // for each worker the last job that took from its share, and in the lower half the next item there

    struct Job { public void* Work; public delegate*<void*, int, int, void> Run; public int Items, Grain; }

    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Explicit, Size = 192)]
    struct PaddedCounter { [System.Runtime.InteropServices.FieldOffset(64)] public long Value; }

    public WorkerPool(int workers)
    {
        shares = new PaddedCounter[workers];
        threads = new Thread[workers - 1];
        for (int i = 0; i < threads.Length; i++)
        {
            int worker = i + 1;
            threads[i] = new Thread(() => Loop(worker)) { IsBackground = true, Name = $"nanogpt worker {worker}" };
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
        Interlocked.Increment(ref number.Value);
        if (Volatile.Read(ref sleeping) > 0) WakeAll();
        Work(0, JobNumber);
        for (int spins = 0; Volatile.Read(ref finished.Value) != end; spins++)
        {
            if (spins < SpinsBeforeYield) Thread.SpinWait(1); else Thread.Yield();
        }
        Interlocked.Increment(ref number.Value);
        if (failure is { } e)
        {
            failure = null;
            ExceptionDispatchInfo.Throw(e);
        }
    }

    static void Invoke<TWork>(void* work, int from, int to) where TWork : unmanaged, IWork => Unsafe.AsRef<TWork>(work).Run(from, to);

    uint JobNumber => (uint)Volatile.Read(ref number.Value);

    /// <summary>Takes items of a job until there are none: the worker's own first.</summary>
    void Work(int worker, uint current)
    {
        var mine = job;
        Interlocked.MemoryBarrier();
        if (JobNumber != current) return;       // it was over, and what was read may be half of the next
        for (int i = 0; i < shares.Length; i++) TakeFrom((worker + i) % shares.Length, mine, current);
    }

    void TakeFrom(int share, in Job mine, uint current)
    {
        // Shares are whole pieces; the first is never smaller than the last, since the caller is there first.
        long pieces = ((long)mine.Items + mine.Grain - 1) / mine.Grain, workers = shares.Length;
        long from = (pieces * share + workers - 1) / workers * mine.Grain, end = Math.Min(mine.Items, (pieces * (share + 1) + workers - 1) / workers * mine.Grain);
        ref long ticket = ref shares[share].Value;
        while (true)
        {
            long seen = Volatile.Read(ref ticket);
            bool begun = (uint)(seen >> 32) == current;
            if (!begun && JobNumber != current) return;         // the share is another job's by now
            long next = begun ? (uint)seen : from;
            if (next >= end) return;
            long to = Math.Min(next + mine.Grain, end);
            if (Interlocked.CompareExchange(ref ticket, (long)current << 32 | to, seen) != seen) continue;
            try
            {
                mine.Run(mine.Work, (int)next, (int)to);
            }
            catch (Exception e)
            {
                failure = e;
            }
            Interlocked.Add(ref finished.Value, to - next);
        }
    }

    void Loop(int worker)
    {
        uint done = 0;
        for (int spins = 0; !stopping; spins++)
        {
            uint current = JobNumber;
            if (current % 2 == 1 && current != done)
            {
                Work(worker, current);
                (done, spins) = (current, 0);
            }
            else if (spins < SpinsBeforeSleep) Thread.SpinWait(1);
            else
            {
                Interlocked.Increment(ref sleeping);
                lock (bed) while ((JobNumber % 2 == 0 || JobNumber == done) && !stopping) Monitor.Wait(bed);
                Interlocked.Decrement(ref sleeping);
                spins = 0;
            }
        }
        ScratchBuffer.OfThread.Dispose();
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
