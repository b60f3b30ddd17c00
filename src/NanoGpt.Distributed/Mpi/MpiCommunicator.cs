using System.Runtime.InteropServices;

namespace NanoGpt.Distributed.Mpi;

/// <summary>Ranks that talk through MPI.</summary>
internal sealed unsafe class MpiCommunicator : Communicator
{
    readonly CommunicationThread thread;
    readonly Heartbeats heartbeats;
    readonly Wire wire;

    public MpiCommunicator(Launcher launcher)
    {
        thread = new(launcher);
        wire = new(thread);
        Hosts = AllGather(Environment.MachineName, "the hosts of the ranks");
        LocalSize = Hosts.Count(host => host == Host);
        heartbeats = new(thread, Hosts, new(Rank, Hosts, AllGather(LocalProcesses.Identity, "the processes of the ranks")));
        thread.Begin(heartbeats);
    }

    public override int Rank => thread.Rank;

    public override int Size => thread.Size;

    public override int LocalSize { get; }

    public override IReadOnlyList<string> Hosts { get; }

    public override string Description => thread.Mpi.Version;

    public override long Step => thread.Status.Step;

    public override TimeSpan Waited => thread.Waited;

    public override double Watchdog { get => heartbeats.Limit; set => heartbeats.Limit = value; }

    public override Action<string>? Lost { get => heartbeats.Lost; set => heartbeats.Lost = value; }

    public override void Barrier(string purpose) => Start(purpose, () =>
    {
        nint request;
        thread.Mpi.Ibarrier(thread.Mpi.World, &request);
        return request;
    }).Wait();

    public override void Broadcast(Span<byte> data, string purpose)
    {
        byte[] bytes = Pinned(data.Length);
        data.CopyTo(bytes);
        Start(purpose, () =>
        {
            nint request;
            thread.Mpi.Ibcast(AddressOf(bytes), bytes.Length, thread.Mpi.Byte, 0, thread.Mpi.World, &request);
            return request;
        }).Wait();
        bytes.CopyTo(data);
    }

    public override byte[] AllGather(ReadOnlySpan<byte> mine, string purpose)
    {
        byte[] all = Pinned(checked(mine.Length * Size));
        StartGather(mine, all, purpose).Wait();
        return all;
    }

    public override void AllReduceSum(Span<double> values, string purpose)
    {
        byte[] all = AllGather(MemoryMarshal.AsBytes(values), purpose);
        Sum(all, values);
    }

    public override PendingSum StartSum(double value, string purpose)
    {
        byte[] all = Pinned(sizeof(double) * Size);
        return new GatheredSum(StartGather(BitConverter.GetBytes(value), all, purpose), all);
    }

    public override PendingCollective StartAllReduceSum(nint floats, long count, WireFormat wireFormat, string purpose) =>
        Start(purpose, wire.AllReduce(floats, count, wireFormat));

    public override PendingCollective StartReduceScatterSum(nint floats, long count, WireFormat wireFormat, string purpose) =>
        Start(purpose, wire.ReduceScatter(floats, count, wireFormat));

    public override PendingCollective StartAllGather(nint floats, long count, string purpose) => Start(purpose, wire.AllGather(floats, count));

    public override TimeSpan PingPong(int partner, int bytes, int rounds, string purpose)
    {
        using var messages = new PingPong(thread, partner, bytes, rounds);
        Start(purpose, messages.Stages).Wait();
        return messages.OneWay;
    }

    public override void Report(long step, string activity, int patience = 1) => thread.Status.Report(step, activity, patience);

    public override void ShareProgress(Func<long> done) => thread.Status.Done = done;

    public override void ShareStop(Func<bool> asked, Action ask)
    {
        heartbeats.Ask = ask;
        thread.Status.StopAsked = asked;
    }

    public override void Abort(int exitCode) => thread.Abort(exitCode);

    protected override void Dispose(bool disposing)
    {
        Report(Step, "ending", patience: 10);
        heartbeats.Ending = true;
        Barrier("the end of the run");
        thread.Dispose();
    }

    MpiCollective StartGather(ReadOnlySpan<byte> mine, byte[] all, string purpose)
    {
        byte[] bytes = Pinned(mine.Length);
        mine.CopyTo(bytes);
        return Start(purpose, () =>
        {
            nint request;
            thread.Mpi.Iallgather(AddressOf(bytes), bytes.Length, thread.Mpi.Byte, AddressOf(all), bytes.Length, thread.Mpi.Byte, thread.Mpi.World, &request);
            return request;
        });
    }

    MpiCollective Start(string purpose, params Func<nint>[] stages) => thread.Start(new MpiCollective(thread, purpose, stages));

    static void Sum(byte[] all, Span<double> sum)
    {
        var values = MemoryMarshal.Cast<byte, double>(all);
        sum.Clear();
        for (int i = 0; i < values.Length; i++) sum[i % sum.Length] += values[i];
    }

    static byte[] Pinned(int bytes) => GC.AllocateArray<byte>(bytes, pinned: true);

    static void* AddressOf(byte[] pinned) => (void*)Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);

    sealed class GatheredSum(PendingCollective gathering, byte[] all) : PendingSum(0)
    {
        public override double Wait()
        {
            gathering.Wait();
            double sum = 0;
            Sum(all, new Span<double>(ref sum));
            return sum;
        }
    }
}
