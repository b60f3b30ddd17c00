using System.Diagnostics;

namespace NanoGpt.Distributed.Mpi;

/// <summary>
/// A collective as a chain of non-blocking MPI operations. Each stage starts one and returns its request, or 0 where it only
/// computes; it begins when the one before is done. All run on the thread that speaks MPI.
/// </summary>
internal sealed class MpiCollective(CommunicationThread thread, string purpose, params Func<nint>[] stages) : PendingCollective
{
    const int SpinsBeforeSleep = 50;

    volatile bool done;
    nint request;
    int next;

    /// <summary>Goes on as far as is possible without waiting; returns whether it is done.</summary>
    public unsafe bool Advance(MpiLibrary mpi)
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
            if (next == stages.Length)
            {
                lock (stages)
                {
                    done = true;
                    Monitor.PulseAll(stages);
                }
                return true;
            }
            request = stages[next++]();
        }
    }

    public override void Wait()
    {
        if (done) return;
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
