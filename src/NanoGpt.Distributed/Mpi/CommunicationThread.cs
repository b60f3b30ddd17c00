using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace NanoGpt.Distributed.Mpi;

/// <summary>
/// The one thread that calls MPI. It takes collectives from a queue, one after the other, so every rank starts them in the same order, and
/// drives them by asking whether they are done; between two questions it makes room for those who compute. It also carries the heartbeats.
/// </summary>
internal sealed unsafe partial class CommunicationThread : IDisposable
{
    const int TickMilliseconds = 20;
    const int SpinPolls = 200, YieldPolls = 2000;       // a small collective takes less than 20 µs; where others compute on, sleep
    static readonly TimeSpan work = TimeSpan.FromMicroseconds(10);      // a question that takes longer has moved data

    readonly ConcurrentQueue<MpiCollective> queue = new();
    readonly AutoResetEvent wake = new(false);
    readonly TaskCompletionSource ready = new();
    readonly Thread thread;
    volatile bool closing;
    volatile int abort = -1;
    Heartbeats? heartbeats;

    public CommunicationThread(Launcher launcher)
    {
        thread = new Thread(() => Run(launcher)) { IsBackground = true, Name = "nanogpt mpi" };
        thread.Start();
        ready.Task.GetAwaiter().GetResult();
    }

    public MpiLibrary Mpi { get; private set; } = null!;

    public int Rank { get; private set; }

    public int Size { get; private set; }

    public RankStatus Status { get; } = new();

    /// <summary>Whether the thread that computes waits, so that nothing is lost by asking often.</summary>
    public volatile bool Waiting;

    /// <summary>How long it has waited so far.</summary>
    public TimeSpan Waited { get; set; }

    public MpiCollective Start(MpiCollective collective)
    {
        queue.Enqueue(collective);
        wake.Set();
        return collective;
    }

    /// <summary>Lets heartbeats begin, once the ranks know each other's hosts.</summary>
    public void Begin(Heartbeats beats) => Volatile.Write(ref heartbeats, beats);

    /// <summary>Ends when the queue is empty.</summary>
    public void Dispose()
    {
        closing = true;
        wake.Set();
        thread.Join();
        wake.Dispose();
    }

    /// <summary>Ends all ranks.</summary>
    public void Abort(int exitCode)
    {
        abort = exitCode;
        wake.Set();
        if (Thread.CurrentThread != thread) thread.Join(TimeSpan.FromSeconds(5));
        Environment.Exit(exitCode);
    }

    void Run(Launcher launcher)
    {
        try
        {
            Initialize(launcher);
        }
        catch (Exception fault)
        {
            ready.SetException(fault);
            return;
        }
        ready.SetResult();
        Loop();
        heartbeats?.Drain();
        Mpi.Finalize();
    }

    void Initialize(Launcher launcher)
    {
        Mpi = MpiLibrary.Load(launcher);
        int provided, rank, size;
        Mpi.InitThread(0, 0, 1, &provided);     // MPI_THREAD_FUNNELED: only this thread will call
        Mpi.CommRank(Mpi.World, &rank);
        Mpi.CommSize(Mpi.World, &size);
        (Rank, Size) = (rank, size);
        if (size > 1) return;
        Mpi.Finalize();
        throw new IOException(launcher.Alone(Mpi.Version));
    }

    void Loop()
    {
        MpiCollective? current = null;
        int polls = 0;
        Exception? fault = null;        // whoever waits will tell it and end the job
        while (true)
        {
            var beats = Volatile.Read(ref heartbeats);
            if (abort >= 0)
            {
                beats?.Leave();
                Mpi.Abort(Mpi.World, abort);
            }
            beats?.Tick();
            if (current is null)
            {
                if (!queue.TryDequeue(out current))
                {
                    if (closing) return;
                    wake.WaitOne(TickMilliseconds);
                    continue;
                }
                polls = 0;
            }
            long start = Stopwatch.GetTimestamp();
            if (fault is not null) current.End(fault);
            if (fault is not null || current.Advance(Mpi)) (fault, current) = (current.Fault, null);
            else if (Stopwatch.GetElapsedTime(start) < work) Pause(polls++);
        }
    }

    void Pause(int polls)
    {
        if (Waiting && polls < SpinPolls) Thread.SpinWait(5);
        else if (Waiting && polls < YieldPolls) Thread.Yield();
        else if (OperatingSystem.IsWindows()) Thread.Sleep(1);
        else
        {
            var pause = new TimeSpec { Nanoseconds = 50_000 };
            _ = nanosleep(&pause, null);        // Thread.Sleep is never shorter than a millisecond
        }
    }

    struct TimeSpec { public nint Seconds, Nanoseconds; }

    [LibraryImport("libc")]
    private static partial int nanosleep(TimeSpec* pause, TimeSpec* rest);
}
