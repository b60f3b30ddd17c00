namespace NanoGpt.Distributed;

/// <summary>What this rank does at the moment; written by the thread that computes, read by the one that speaks.</summary>
internal sealed class RankStatus
{
    long step = -1, moves;
    volatile string activity = "starting";
    volatile string waitsIn = "";
    volatile int patience = 1;
    volatile Func<bool> stopAsked = () => false;
    volatile Func<long> done = () => 0;

    /// <summary>The step, or -1.</summary>
    public long Step => Volatile.Read(ref step);

    /// <summary>Whether this rank was asked to stop.</summary>
    public Func<bool> StopAsked { get => stopAsked; set => stopAsked = value; }

    /// <summary>Counts what it has computed.</summary>
    public Func<long> Done { get => done; set => done = value; }

    /// <summary>The collective in which it waits; empty where it does not.</summary>
    public string WaitsIn { get => waitsIn; set => waitsIn = value; }

    /// <summary>Notes what it does next.</summary>
    public void Report(long step, string activity, int patience)
    {
        Volatile.Write(ref this.step, step);
        (this.activity, this.patience) = (activity, patience);
        Interlocked.Increment(ref moves);
    }

    /// <summary>The state in a message.</summary>
    public Beat Beat(int rank, bool stopAsked, bool leaving = false) =>
        new(rank, Step, Volatile.Read(ref moves) + Done(), patience, stopAsked, leaving, activity, waitsIn);
}
