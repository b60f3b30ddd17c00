using System.Runtime.InteropServices;

namespace NanoGpt.Distributed.Mpi;

/// <summary>
/// The sums of gradients, as an exchange of slices: each rank gets its slice of every rank, adds them in the order of the ranks in fp32, and
/// where all shall have all, the sums are gathered. So a rank sends 2(n−1)/n of the gradients, with every MPI. Their own non-blocking
/// sums are no match: Open MPI's all-reduce in place goes up and down a tree, its reduce-scatter through one rank; and MPI knows no bf16.
/// </summary>
internal sealed unsafe class Wire(CommunicationThread thread)
{
    readonly MpiLibrary mpi = thread.Mpi;
    readonly int rank = thread.Rank, size = thread.Size;
    readonly int* counts = Integers(thread.Size), starts = Integers(thread.Size), mine = Integers(thread.Size), places = Integers(thread.Size);
    Buffer sent, received;      // one collective runs at a time, so these are its own

    /// <summary>The stages of a sum of which every rank gets all.</summary>
    public Func<nint>[] AllReduce(nint floats, long count, WireFormat format) => format == WireFormat.Float32
        ? [.. ReduceScatter(floats, count, format), .. AllGather(floats, count)]
        : [() => Exchange(floats, count, format), () => { Add(floats, count, format); return GatherRounded(floats, count); }, () => { Widen(floats, count); return 0; }];

    /// <summary>The stages of a sum of which every rank gets its slice.</summary>
    public Func<nint>[] ReduceScatter(nint floats, long count, WireFormat format) =>
        [() => Exchange(floats, count, format), () => { Add(floats, count, format); return 0; }];

    /// <summary>The stages of a gathering in place.</summary>
    public Func<nint>[] AllGather(nint floats, long count) =>
        [() => Gather((void*)floats, count, sizeof(float))];

    /// <summary>Sends every rank its slice, in bytes.</summary>
    nint Exchange(nint floats, long count, WireFormat format)
    {
        int width = format == WireFormat.Float32 ? sizeof(float) : sizeof(ushort);
        void* source = (void*)floats;
        if (format == WireFormat.BFloat16)
        {
            source = sent.Of(count * width);
            Bf16.Round(Floats(floats, 0, count), new Span<ushort>(source, checked((int)count)));
        }
        long own = Communicator.Slice(count, rank, size).Length * width;
        Slices(count, width);
        for (int r = 0; r < size; r++) (mine[r], places[r]) = ((int)own, checked((int)(r * own)));
        nint request;
        mpi.Ialltoallv(source, counts, starts, mpi.Byte, received.Of(size * own), mine, places, mpi.Byte, mpi.World, &request);
        return request;
    }

    /// <summary>Adds what every rank has sent, in the order of the ranks.</summary>
    void Add(nint floats, long count, WireFormat format)
    {
        var (start, length) = Communicator.Slice(count, rank, size);
        var sum = Floats(floats, start, length);
        for (int r = 0; r < size; r++)
        {
            if (format == WireFormat.Float32)
            {
                var part = Floats(received.Address, r * length, length);
                if (r == 0) part.CopyTo(sum);
                else Bf16.Add(part, sum);
            }
            else
            {
                var part = new ReadOnlySpan<ushort>((ushort*)received.Address + r * length, (int)length);
                if (r == 0) Bf16.Widen(part, sum);
                else Bf16.Add(part, sum);
            }
        }
    }

    nint GatherRounded(nint floats, long count)
    {
        var (start, length) = Communicator.Slice(count, rank, size);
        ushort* rounded = (ushort*)sent.Address;
        Bf16.Round(Floats(floats, start, length), new Span<ushort>(rounded + start, (int)length));
        return Gather(rounded, count, sizeof(ushort));
    }

    void Widen(nint floats, long count) => Bf16.Widen(new ReadOnlySpan<ushort>((void*)sent.Address, (int)count), Floats(floats, 0, count));

    nint Gather(void* memory, long count, int width)
    {
        Slices(count, width);
        nint request;
        mpi.Iallgatherv((void*)mpi.InPlace, 0, mpi.Byte, memory, counts, starts, mpi.Byte, mpi.World, &request);
        return request;
    }

    void Slices(long count, int width)
    {
        for (int r = 0; r < size; r++)
        {
            var (start, length) = Communicator.Slice(count, r, size);
            (counts[r], starts[r]) = (checked((int)(length * width)), checked((int)(start * width)));
        }
    }

    static Span<float> Floats(nint address, long start, long length) => new((float*)address + start, checked((int)length));

    static int* Integers(int count) => (int*)NativeMemory.AllocZeroed((nuint)count, sizeof(int));

    /// <summary>Memory that grows with what is asked of it.</summary>
    struct Buffer
    {
        nuint capacity;

        public nint Address { get; private set; }

        public void* Of(long bytes)
        {
            if ((nuint)bytes <= capacity) return (void*)Address;
            NativeMemory.AlignedFree((void*)Address);
            capacity = (nuint)bytes;
            Address = (nint)NativeMemory.AlignedAlloc(capacity, 64);
            return (void*)Address;
        }
    }
}
