using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;
using NanoGpt.Training;

namespace NanoGpt.Distributed.Tests;

/// <summary>Every rank casts one vote a step, whenever the wish to stop comes; one more would meet a collective of the others that is another.</summary>
public class VoteTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void A_wish_that_comes_at_any_moment_is_one_vote(int microBatches)
    {
        using var device = CpuDevice.Create(threads: 1);
        using var store = new ParameterStore(device, [new Parameter("weight", new Shape(4))]);
        // Moments: before each micro-batch, and just after the vote was cast.
        for (int moment = 0; moment <= microBatches; moment++)
        {
            using var wish = new CancellationTokenSource();
            using var ranks = new OneOfTwo(whenVoting: moment == microBatches ? wish.Cancel : () => { });
            var parallel = new DataParallel(ranks, new TrainConfig { GradientAccumulationSteps = 2 * microBatches }, new GradientBuckets(ranks, store, 4, WireFormat.Float32, overlap: true, sharded: false));
            bool stopped = false;
            for (int micro = 0; micro < microBatches && !stopped; micro++)
            {
                if (micro == moment) wish.Cancel();
                stopped = parallel.StopsBefore(micro, iteration: 7, wish.Token);
            }
            Assert.Equal(1, ranks.Votes);
            // One that comes after the vote is for the end of the step.
            Assert.Equal(moment < microBatches - 1, stopped);
        }
    }

    /// <summary>A rank whose only neighbour never wants to stop.</summary>
    sealed class OneOfTwo(Action whenVoting) : Communicator
    {
        public int Votes { get; private set; }

        public override PendingSum StartSum(double value, string purpose)
        {
            Votes++;
            whenVoting();
            return new(value);
        }

        public override int Rank => 0;
        public override int Size => 2;
        public override void Report(long step, string activity, int patience = 1) { }
        protected override void Dispose(bool disposing) { }

        public override int LocalSize => 2;
        public override IReadOnlyList<string> Hosts => ["a", "a"];
        public override string Description => "a test";
        public override long Step => -1;
        public override TimeSpan Waited => TimeSpan.Zero;
        public override double Watchdog { get; set; }
        public override Action<string>? Lost { get; set; }
        public override void Barrier(string purpose) => throw new NotSupportedException();
        public override void Broadcast(Span<byte> data, string purpose) => throw new NotSupportedException();
        public override byte[] AllGather(ReadOnlySpan<byte> mine, string purpose) => throw new NotSupportedException();
        public override void AllReduceSum(Span<double> values, string purpose) => throw new NotSupportedException();
        public override PendingCollective StartAllReduceSum(nint floats, long count, WireFormat wire, string purpose) => throw new NotSupportedException();
        public override PendingCollective StartReduceScatterSum(nint floats, long count, WireFormat wire, string purpose) => throw new NotSupportedException();
        public override PendingCollective StartAllGather(nint floats, long count, string purpose) => throw new NotSupportedException();
        public override TimeSpan PingPong(int partner, int bytes, int rounds, string purpose) => throw new NotSupportedException();
        public override void ShareProgress(Func<long> done) => throw new NotSupportedException();
        public override void ShareStop(Func<bool> asked, Action ask) => throw new NotSupportedException();
        public override void Abort(int exitCode) => throw new NotSupportedException();
    }
}
