using System.Text;

namespace NanoGpt.Distributed;

/// <summary>
/// The ranks of a job and what they do together. Every rank calls the same collectives in the same order; each says in a few words
/// what it is for (<c>purpose</c>), so that a watchdog can name the one that waits. Blocking calls belong to one thread, the one that computes.
/// </summary>
public abstract class Communicator : IDisposable
{
    const int Alignment = 16;       // elements: a slice starts on a 64-byte boundary

    /// <summary>The ranks that a launcher (mpirun, srun) has started, or a single process where there is none; then MPI is not even loaded.</summary>
    /// <exception cref="IOException">A launcher started several ranks, but there is no MPI library, or it does not know the others; the message says what to do.</exception>
    public static Communicator Start()
    {
        var launcher = Launcher.Detect();
        return launcher.Ranks > 1 ? new Mpi.MpiCommunicator(launcher) : new SingleProcess();
    }

    /// <summary>The number of this rank, from 0.</summary>
    public abstract int Rank { get; }

    /// <summary>How many ranks there are.</summary>
    public abstract int Size { get; }

    /// <summary>How many ranks are on this host.</summary>
    public abstract int LocalSize { get; }

    /// <summary>The name of the host of each rank.</summary>
    public abstract IReadOnlyList<string> Hosts { get; }

    /// <summary>What carries the messages, in words for a person.</summary>
    public abstract string Description { get; }

    /// <summary>Whether this is rank 0, which speaks and saves for all.</summary>
    public bool IsFirst => Rank == 0;

    /// <summary>The name of this rank's host.</summary>
    public string Host => Hosts[Rank];

    /// <summary>The step that this rank last reported, or -1.</summary>
    public abstract long Step { get; }

    /// <summary>How long this rank has waited for others so far.</summary>
    public abstract TimeSpan Waited { get; }

    /// <summary>Seconds without a sign of life after which a rank counts as lost, and the job is ended; 0 waits for ever.</summary>
    public abstract double Watchdog { get; set; }

    /// <summary>Told, from another thread, in one sentence why the job is about to be ended: a rank is lost.</summary>
    public abstract Action<string>? Lost { get; set; }

    /// <summary>Returns when every rank has called it.</summary>
    public abstract void Barrier(string purpose);

    /// <summary>Rank 0's bytes to all.</summary>
    public abstract void Broadcast(Span<byte> data, string purpose);

    /// <summary>The bytes of every rank, in the order of the ranks; all give equally many.</summary>
    public abstract byte[] AllGather(ReadOnlySpan<byte> mine, string purpose);

    /// <summary>
    /// The sum over all ranks, in place, for a few numbers: each rank gathers all and adds them in the order of the ranks, so every
    /// rank has the same bits.
    /// </summary>
    public abstract void AllReduceSum(Span<double> values, string purpose);

    /// <summary>Starts a sum over all ranks of one number.</summary>
    public abstract PendingSum StartSum(double value, string purpose);

    /// <summary>Starts a sum over all ranks, in place. The memory belongs to the collective until it is done.</summary>
    /// <param name="floats">Address of the first element, which does not move.</param>
    /// <param name="count">Number of elements.</param>
    /// <param name="wire">How they travel.</param>
    /// <param name="purpose">What it is for.</param>
    public abstract PendingCollective StartAllReduceSum(nint floats, long count, WireFormat wire, string purpose);

    /// <summary>As <see cref="StartAllReduceSum"/>, but each rank gets only its <see cref="Slice"/> of the sum; the rest is left as it was.</summary>
    public abstract PendingCollective StartReduceScatterSum(nint floats, long count, WireFormat wire, string purpose);

    /// <summary>Starts a gathering in place: each rank gives its <see cref="Slice"/> and gets those of all others.</summary>
    public abstract PendingCollective StartAllGather(nint floats, long count, string purpose);

    /// <summary>Sends messages there and back between this rank and another, which calls it, too; returns how long one way takes.</summary>
    /// <param name="partner">The other rank.</param>
    /// <param name="bytes">Size of a message.</param>
    /// <param name="rounds">How often it goes there and back.</param>
    /// <param name="purpose">What it is for.</param>
    public abstract TimeSpan PingPong(int partner, int bytes, int rounds, string purpose);

    /// <summary>Says what this rank is about to do; a sign of life.</summary>
    /// <param name="step">The step it is at.</param>
    /// <param name="activity">In a few words: "training", "evaluating".</param>
    /// <param name="patience">How many times longer than usual it may take without another sign.</param>
    public abstract void Report(long step, string activity, int patience = 1);

    /// <summary>Lets the others see that this rank computes: while the count grows it is alive, however long ago its last report was.</summary>
    /// <param name="done">Counts what has been computed; called from another thread.</param>
    public abstract void ShareProgress(Func<long> done);

    /// <summary>Shares a wish to stop: one that was uttered on any rank reaches all within a second.</summary>
    /// <param name="asked">Whether it was uttered here.</param>
    /// <param name="ask">Called once, from another thread, where it was uttered elsewhere.</param>
    public abstract void ShareStop(Func<bool> asked, Action ask);

    /// <summary>Ends all ranks at once, without waiting for any.</summary>
    public abstract void Abort(int exitCode);

    /// <summary>Which elements of <paramref name="count"/> are a rank's: equal parts on 64-byte boundaries; the last ranks may get less, or none.</summary>
    public static (long Start, long Length) Slice(long count, int rank, int ranks)
    {
        long each = (count + ranks - 1) / ranks;
        each = (each + Alignment - 1) / Alignment * Alignment;
        long start = Math.Min(count, rank * each);
        return (start, Math.Min(count, start + each) - start);
    }

    /// <summary>A text of every rank, in the order of the ranks.</summary>
    public string[] AllGather(string mine, string purpose)
    {
        byte[] text = Encoding.UTF8.GetBytes(mine);
        byte[] lengths = AllGather(BitConverter.GetBytes(text.Length), purpose);
        int[] length = [.. Enumerable.Range(0, Size).Select(rank => BitConverter.ToInt32(lengths, rank * sizeof(int)))];
        int longest = length.Max();
        Array.Resize(ref text, longest);
        byte[] texts = AllGather(text, purpose);
        return [.. Enumerable.Range(0, Size).Select(rank => Encoding.UTF8.GetString(texts, rank * longest, length[rank]))];
    }

    /// <summary>Lets rank 0 do something first, a download for example; the others do it after that, and find it done.</summary>
    public T FirstThenOthers<T>(Func<T> action, string purpose)
    {
        if (!IsFirst) Barrier(purpose);
        T result = action();
        if (IsFirst) Barrier(purpose);
        return result;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Takes leave of the other ranks; waits for them.</summary>
    protected abstract void Dispose(bool disposing);
}
