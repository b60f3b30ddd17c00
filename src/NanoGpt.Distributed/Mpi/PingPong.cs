using System.Diagnostics;
using System.Runtime.InteropServices;

namespace NanoGpt.Distributed.Mpi;

/// <summary>
/// Messages there and back between two ranks, timed on the thread that speaks MPI. The lower rank begins. One round more than is counted goes
/// first: in it the other rank may not have come yet.
/// </summary>
internal sealed unsafe class PingPong : IDisposable
{
    const int Tag = 2;      // 1 is that of heartbeats

    readonly byte* memory;
    readonly int rounds;
    long begin, end;

    public PingPong(CommunicationThread thread, int partner, int bytes, int rounds)
    {
        (var mpi, this.rounds) = (thread.Mpi, rounds);
        memory = (byte*)NativeMemory.AllocZeroed((nuint)bytes);
        nint Send()
        {
            nint request;
            mpi.Isend(memory, bytes, mpi.Byte, partner, Tag, mpi.World, &request);
            return request;
        }
        nint Receive()
        {
            nint request;
            mpi.Irecv(memory, bytes, mpi.Byte, partner, Tag, mpi.World, &request);
            return request;
        }
        nint Stamp(ref long time)
        {
            time = Stopwatch.GetTimestamp();
            return 0;
        }
        Func<nint>[] round = thread.Rank < partner ? [Send, Receive] : [Receive, Send];
        Stages = [.. round, () => Stamp(ref begin), .. Enumerable.Repeat(round, rounds).SelectMany(stages => stages), () => Stamp(ref end)];
    }

    /// <summary>What <see cref="MpiCollective"/> shall do.</summary>
    public Func<nint>[] Stages { get; }

    /// <summary>Half of a round.</summary>
    public TimeSpan OneWay => Stopwatch.GetElapsedTime(begin, end) / (2 * rounds);

    public void Dispose() => NativeMemory.Free(memory);
}
