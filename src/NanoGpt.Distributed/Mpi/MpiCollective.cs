using System.Diagnostics;

namespace NanoGpt.Distributed.Mpi;

/// <summary>
/// A collective as a chain of non-blocking MPI operations. Each stage starts one and returns its request, or 0 where it only
/// computes; it begins when the one before is done. All run on the thread that speaks MPI; what goes wrong there comes out where the collective is waited for.
/// </summary>
internal sealed class MpiCollective(CommunicationThread thread, string purpose, params Func<nint>[] stages) : PendingCollective
{
    const int SpinsBeforeSleep = 50;

    volatile bool done;
    nint request;
    int next;

    /// <summary>What went wrong; then it is over, and so is every one behind it.</summary>
    public Exception? Fault { get; private set; }

    /// <summary>Goes on as far as is possible without waiting; returns whether it is done.</summary>
    public bool Advance(MpiLibrary mpi)
    {
        try
        {
            if (!Progress(mpi)) return false;
            End(null);
        }
        catch (Exception fault)
        {
            End(fault);
        }
        return true;
    }

    /// <summary>Lets those go on that wait for it.</summary>
    public void End(Exception? fault)
    {
        Fault = fault;
        lock (stages)
        {
            done = true;
            Monitor.PulseAll(stages);
        }
    }

    unsafe bool Progress(MpiLibrary mpi)
    {
        while (true)
        {
            if (request != 0)
            {
                int complete;
                fixed (nint* r = &request) mpi.Test(r, &complete, mpi.IgnoreStatus);
                if (complete == 0) return false;
                request = 0;
            }
            if (next == stages.Length) return true;
            request = stages[next++]();
        }
    }

    /// <exception cref="IOException">It cannot be done.</exception>
    public override void Wait()
    {
        if (!done) WaitUntilDone();
        if (Fault is not null) throw new IOException($"the ranks cannot share '{purpose}': {Fault.Message.TrimEnd('.')}; the job ends here; the last checkpoint is good, resume it.", Fault);
    }

    void WaitUntilDone()
    {
        long start = Stopwatch.GetTimestamp();
        thread.Status.WaitsIn = purpose;
        thread.Waiting = true;
        for (int spins = 0; spins < SpinsBeforeSleep && !done; spins++) Thread.SpinWait(10);
        lock (stages) while (!done) Monitor.Wait(stages);
        thread.Waiting = false;
        thread.Status.WaitsIn = "";
        thread.Waited += Stopwatch.GetElapsedTime(start);
    }
}
