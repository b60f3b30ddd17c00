namespace NanoGpt.Distributed;

/// <summary>A job of one rank: nothing to exchange, nobody to wait for.</summary>
public sealed class SingleProcess : Communicator
{
    /// <inheritdoc/>
    public override int Rank => 0;

    /// <inheritdoc/>
    public override int Size => 1;

    /// <inheritdoc/>
    public override int LocalSize => 1;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Hosts { get; } = [Environment.MachineName];

    /// <inheritdoc/>
    public override string Description => "one process";

    /// <inheritdoc/>
    public override long Step => -1;

    /// <inheritdoc/>
    public override TimeSpan Waited => TimeSpan.Zero;

    /// <inheritdoc/>
    public override double Watchdog { get; set; }

    /// <inheritdoc/>
    public override Action<string>? Lost { get; set; }

    /// <inheritdoc/>
    public override void Barrier(string purpose) { }

    /// <inheritdoc/>
    public override void Broadcast(Span<byte> data, string purpose) { }

    /// <inheritdoc/>
    public override byte[] AllGather(ReadOnlySpan<byte> mine, string purpose) => mine.ToArray();

    /// <inheritdoc/>
    public override void AllReduceSum(Span<double> values, string purpose) { }

    /// <inheritdoc/>
    public override PendingSum StartSum(double value, string purpose) => new(value);

    /// <inheritdoc/>
    public override PendingCollective StartAllReduceSum(nint floats, long count, WireFormat wire, string purpose) => PendingCollective.Done;

    /// <inheritdoc/>
    public override PendingCollective StartReduceScatterSum(nint floats, long count, WireFormat wire, string purpose) => PendingCollective.Done;

    /// <inheritdoc/>
    public override PendingCollective StartAllGather(nint floats, long count, string purpose) => PendingCollective.Done;

    /// <inheritdoc/>
    public override TimeSpan PingPong(int partner, int bytes, int rounds, string purpose) => throw new ArgumentException("There is no other rank.");

    /// <inheritdoc/>
    public override void Report(long step, string activity, int patience = 1) { }

    /// <inheritdoc/>
    public override void ShareProgress(Func<long> done) { }

    /// <inheritdoc/>
    public override void ShareStop(Func<bool> asked, Action ask) { }

    /// <inheritdoc/>
    public override void Abort(int exitCode) => Environment.Exit(exitCode);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) { }
}
