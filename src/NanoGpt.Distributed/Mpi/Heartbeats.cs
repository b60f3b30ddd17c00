using System.Diagnostics;
using System.Runtime.InteropServices;

namespace NanoGpt.Distributed.Mpi;

/// <summary>
/// Every rank tells rank 0 twice a second how it is, and rank 0 tells every rank; all on the thread that speaks MPI. So a wish to
/// stop reaches all, rank 0 notices a rank that is lost, and the others notice a lost rank 0. A rank that was killed is noticed on its host.
/// </summary>
internal sealed unsafe class Heartbeats
{
    const int Tag = 1;
    const double Cornered = 5;          // seconds: a launcher that has lost a host tells the others to stop, and kills them soon
    static readonly TimeSpan interval = TimeSpan.FromSeconds(0.5), glance = TimeSpan.FromMilliseconds(20);

    readonly CommunicationThread thread;
    readonly MpiLibrary mpi;
    readonly int[] others;
    readonly Watchdog watchdog;
    readonly LocalProcesses neighbours;
    readonly byte* memory;              // a beat for each of the others, then one that is being received
    readonly nint* requests;
    readonly bool[] underWay, toldToStop;
    long lastGlance, lastBeat;
    bool stopHeard;

    public Heartbeats(CommunicationThread thread, IReadOnlyList<string> hosts, LocalProcesses neighbours)
    {
        (this.thread, mpi, this.neighbours) = (thread, thread.Mpi, neighbours);
        others = thread.Rank == 0 ? [.. Enumerable.Range(1, thread.Size - 1)] : [0];
        watchdog = new(hosts, thread.Rank == 0 ? [.. Enumerable.Range(0, thread.Size)] : [0], Now);
        memory = (byte*)NativeMemory.AllocZeroed((nuint)((others.Length + 1) * Beat.Bytes));
        requests = (nint*)NativeMemory.AllocZeroed((nuint)(others.Length * sizeof(nint)));
        (underWay, toldToStop) = (new bool[others.Length], new bool[others.Length]);
        // Rank 0 speaks first; of the others the first, then the rest.
        Delay = Math.Min(thread.Rank, 2) * 2;
    }

    /// <summary>Seconds without a sign of life after which a rank is lost.</summary>
    public double Limit { get; set; } = 25;

    /// <summary>Called once where another rank was asked to stop.</summary>
    public Action Ask { get; set; } = () => { };

    /// <summary>Told of a lost rank, before the job is ended.</summary>
    public Action<string>? Lost { get; set; }

    /// <summary>Whether the job is about to end: from then on nobody who is gone is missed.</summary>
    public volatile bool Ending;

    double Delay { get; }

    static double Now => Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;

    /// <summary>Listens, and speaks where it is time to.</summary>
    public void Tick()
    {
        if (Stopwatch.GetElapsedTime(lastGlance) < glance) return;
        lastGlance = Stopwatch.GetTimestamp();
        Receive();
        bool stop = stopHeard || thread.Status.StopAsked();
        bool due = Stopwatch.GetElapsedTime(lastBeat) >= interval;
        if (due)
        {
            lastBeat = Stopwatch.GetTimestamp();
            watchdog.Hear(thread.Status.Beat(thread.Rank, stop), Now);
        }
        for (int i = 0; i < others.Length; i++)
            if (due || stop && !toldToStop[i]) Send(i, stop);
        string? verdict = due || stop ? Missed() : null;
        verdict ??= watchdog.Judge(Now, Limit > 0 ? Limit + Delay : 0, stop ? Cornered + Delay : double.PositiveInfinity);
        if (verdict is null) return;
        Lost?.Invoke(verdict);
        Leave();
        mpi.Abort(mpi.World, 1);
        Environment.Exit(1);
    }

    /// <summary>The last word of a rank that ends the job and has said why: its neighbours need not miss anybody.</summary>
    public void Leave()
    {
        byte* bytes = stackalloc byte[Beat.Bytes];
        thread.Status.Beat(thread.Rank, stopAsked: false, leaving: true).Write(new(bytes, Beat.Bytes));
        foreach (int neighbour in neighbours.Ranks)
        {
            nint request;
            mpi.Isend(bytes, Beat.Bytes, mpi.Byte, neighbour, Tag, mpi.World, &request);
            int done = 0;
            for (long start = Stopwatch.GetTimestamp(); done == 0 && Stopwatch.GetElapsedTime(start) < glance;) mpi.Test(&request, &done, mpi.IgnoreStatus);
        }
    }

    /// <summary>A sentence about a rank of this host that is gone, and has not said why.</summary>
    string? Missed()
    {
        if (Ending || neighbours.Gone() is null) return null;
        Receive();          // its last word, where it had one
        return neighbours.Gone() is { } gone ? watchdog.Gone(gone, thread.Status.Beat(thread.Rank, stopAsked: false)) : null;
    }

    /// <summary>Takes what was said last, when nobody speaks any more.</summary>
    public void Drain() => Receive();

    void Receive()
    {
        byte* bytes = memory + others.Length * Beat.Bytes;
        while (true)
        {
            int there;
            mpi.Iprobe(mpi.AnySource, Tag, mpi.World, &there, mpi.IgnoreStatus);
            if (there == 0) return;
            mpi.Recv(bytes, Beat.Bytes, mpi.Byte, mpi.AnySource, Tag, mpi.World, mpi.IgnoreStatus);
            var beat = Beat.Read(new(bytes, Beat.Bytes));
            if (beat.Leaving) Ending = true;
            else watchdog.Hear(beat, Now);
            if (!beat.StopAsked || stopHeard) continue;
            stopHeard = true;
            Ask();
        }
    }

    void Send(int i, bool stop)
    {
        if (underWay[i])
        {
            int done;
            mpi.Test(requests + i, &done, mpi.IgnoreStatus);
            if (done == 0) return;      // the network is busy; what it carries is a sign of life, too
        }
        byte* bytes = memory + i * Beat.Bytes;
        thread.Status.Beat(thread.Rank, stop).Write(new(bytes, Beat.Bytes));
        mpi.Isend(bytes, Beat.Bytes, mpi.Byte, others[i], Tag, mpi.World, requests + i);
        (underWay[i], toldToStop[i]) = (true, stop);
    }
}
