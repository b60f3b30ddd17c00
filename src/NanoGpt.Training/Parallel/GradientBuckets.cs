using NanoGpt.Distributed;
using NanoGpt.Tensors;

namespace NanoGpt.Training;

/// <summary>
/// The sum of gradients over ranks, bucket by bucket, while the way back of the last micro-batch goes on (Li et al. 2020, PyTorch
/// DDP). A bucket is a stretch of the flat gradients. How often a micro-batch touches each gradient is counted once; in the last
/// micro-batch of a step a gradient is final at its last touch, and a bucket starts when all in it are.
/// </summary>
public sealed class GradientBuckets : IGradientListener
{
    const long Alignment = 32;      // elements

    readonly record struct Bucket(long Start, long Length);

    readonly Communicator ranks;
    readonly ParameterStore weights;
    readonly WireFormat wire;
    readonly bool overlap;
    readonly Bucket[] buckets;
    readonly PendingCollective?[] pending;
    readonly int[] missing;                                 // gradients of a bucket that are not final yet
    readonly Dictionary<Parameter, Range> places = [];      // the buckets that a parameter reaches into
    readonly Dictionary<Parameter, int> touches = [], left = [];
    readonly List<Parameter> final = [];
    bool counted, armed;

    /// <summary>Buckets over the gradients of a store.</summary>
    /// <param name="ranks">Who sums.</param>
    /// <param name="weights">The store.</param>
    /// <param name="length">Elements of a bucket.</param>
    /// <param name="wire">How gradients travel.</param>
    /// <param name="overlap">Whether to start before the way back is done.</param>
    /// <param name="sharded">Whether a rank gets only its slice of each bucket.</param>
    public GradientBuckets(Communicator ranks, ParameterStore weights, long length, WireFormat wire, bool overlap, bool sharded)
    {
        (this.ranks, this.weights, this.wire, this.overlap, Sharded) = (ranks, weights, wire, overlap, sharded);
        long total = weights.Values.Length;
        length = Math.Min((Math.Max(length, 1) + Alignment - 1) / Alignment * Alignment, total);
        // What does not decay comes from all layers, so it is final last: it must not hold up the matrices of the layers before it.
        buckets = [.. Cut(0, weights.DecayedLength, length), .. Cut(weights.DecayedLength, total, length)];
        (pending, missing) = (new PendingCollective?[buckets.Length], new int[buckets.Length]);
        foreach (var parameter in weights.Parameters)
        {
            long start = weights.OffsetOf(parameter), end = start + parameter.Shape.Count;
            places[parameter] = Array.FindIndex(buckets, bucket => bucket.Start + bucket.Length > start)..(Array.FindLastIndex(buckets, bucket => bucket.Start < end) + 1);
        }
    }

    /// <summary>Stretches of a length, the first the rest: it holds the embeddings, which are final last, and nothing hides its way.</summary>
    static IEnumerable<Bucket> Cut(long from, long to, long length)
    {
        for (long start = from, rest = (to - from) % length; start < to; rest = 0)
        {
            long next = start + (rest > 0 ? rest : length);
            yield return new(start, next - start);
            start = next;
        }
    }

    /// <summary>Whether a rank gets only its slice of each bucket.</summary>
    public bool Sharded { get; }

    /// <summary>The stretches of flat memory whose sums this rank gets.</summary>
    public IReadOnlyList<(long Start, long Length)> Owned => !Sharded ? [(0, weights.Values.Length)]
        : [.. buckets.Select(bucket => (Bucket: bucket, Slice: Communicator.Slice(bucket.Length, ranks.Rank, ranks.Size)))
            .Where(owned => owned.Slice.Length > 0).Select(owned => (owned.Bucket.Start + owned.Slice.Start, owned.Slice.Length))];

    /// <summary>A micro-batch begins; in the last of a step gradients become final.</summary>
    public void Begin(bool last)
    {
        counted = touches.Count > 0;
        armed = overlap && counted && last;
        if (!armed) return;
        Array.Clear(missing);
        foreach (var (parameter, count) in touches)
        {
            left[parameter] = count;
            for (int i = places[parameter].Start.Value; i < places[parameter].End.Value; i++) missing[i]++;
        }
    }

    /// <inheritdoc/>
    public void Touched(Parameter parameter)
    {
        if (!counted) touches[parameter] = touches.GetValueOrDefault(parameter) + 1;
        if (!armed) return;
        int rest = --left[parameter];
        if (rest < 0) throw new InvalidOperationException($"{parameter.Name} was touched more often than in the first micro-batch: its gradient is under way already.");
        if (rest == 0) final.Add(parameter);
    }

    /// <inheritdoc/>
    public void StepDone()
    {
        foreach (var parameter in final)
            for (int i = places[parameter].Start.Value; i < places[parameter].End.Value; i++)
                if (--missing[i] == 0) Start(i);
        final.Clear();
    }

    /// <summary>Starts what has not started yet, and waits for all.</summary>
    public void Complete()
    {
        StepDone();
        _ = weights.Grads;          // where nothing has flowed, zero
        for (int i = buckets.Length - 1; i >= 0; i--)
            if (pending[i] is null) Start(i);
        foreach (var collective in pending) collective!.Wait();
        Array.Clear(pending);
        armed = false;
    }

    /// <summary>After an update of slices: every rank gets those of the others.</summary>
    public void GatherValues()
    {
        var gathering = buckets.Select(bucket => ranks.StartAllGather(weights.Values.Slice(bucket.Start, bucket.Length).Address, bucket.Length, "the updated weights")).ToList();
        foreach (var collective in gathering) collective.Wait();
    }

    void Start(int i)
    {
        var (start, length) = buckets[i];
        nint address = weights.GradientMemory(start, length).Address;
        pending[i] = Sharded
            ? ranks.StartReduceScatterSum(address, length, wire, $"the gradients, bucket {i}")
            : ranks.StartAllReduceSum(address, length, wire, $"the gradients, bucket {i}");
    }
}
