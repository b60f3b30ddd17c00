using NanoGpt.Models;
using NanoGpt.Tensors;

namespace NanoGpt.Training;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019) over the flat store, with the clipping of the global gradient norm folded into its
/// one pass. Matrices decay, vectors do not, as in nanoGPT; what is
/// frozen stays as it is. It may own stretches of the memory only: then it has moments for them alone and updates nothing else.
/// </summary>
public sealed class AdamW : IDisposable
{
    readonly ParameterStore store;
    readonly Device device;
    Storage m, v, schedule, squares;
    readonly double beta1, beta2, weightDecay, gradClip, epsilon;
    readonly List<(long Start, long Length, long Place)> owned = [];       // place: where its moments are

    /// <summary>An optimizer whose moments start at zero.</summary>
    /// <param name="store">Parameters and gradients.</param>
    /// <param name="beta1">Decay of the first moment.</param>
    /// <param name="beta2">Decay of the second moment.</param>
    /// <param name="weightDecay">Decoupled decay of matrices.</param>
    /// <param name="gradClip">Largest gradient norm; 0 does not clip.</param>
    /// <param name="epsilon">Added to the denominator.</param>
    /// <param name="stretches">The stretches of flat memory that it owns; all where left out.</param>
    public AdamW(ParameterStore store, double beta1, double beta2, double weightDecay, double gradClip, double epsilon = 1e-8, IReadOnlyList<(long Start, long Length)>? stretches = null)
    {
        (this.store, device) = (store, store.Device);
        (this.beta1, this.beta2, this.weightDecay, this.gradClip, this.epsilon) = (beta1, beta2, weightDecay, gradClip, epsilon);
        long length = 0;
        foreach (var (start, count) in stretches ?? [(0, store.Values.Length)])
        {
            owned.Add((start, count, length));
            length += count;
        }
        m = device.Allocate(Math.Max(1, length));
        v = device.Allocate(Math.Max(1, length));
        schedule = device.Allocate(4);
        squares = device.Allocate(1);
        device.Fill(m, 0);
        device.Fill(v, 0);
    }

    /// <summary>Steps done or skipped so far, for the bias correction.</summary>
    public long Steps { get; set; }

    /// <summary>Adds up what the owners of all stretches have; here, where one owns all, nothing is to be added.</summary>
    public Func<double, double> SumOverOwners { get; init; } = own => own;

    /// <summary>The global norm of the gradient, before clipping.</summary>
    public double GradientNorm()
    {
        var grads = store.Grads;
        return Math.Sqrt(SumOverOwners(owned.Sum(stretch => SumOfSquares(grads.Slice(stretch.Start, stretch.Length)))));
    }

    /// <summary>The global norm of the weights: not a number, or infinite, once an update has destroyed them.</summary>
    public double WeightNorm() => Math.Sqrt(SumOfSquares(store.Values));

    double SumOfSquares(Storage flat)
    {
        device.SumOfSquares(flat, squares);
        Span<float> sum = [0];
        device.Read(squares, sum);
        return sum[0];
    }

    /// <summary>One step with the gradients in the store, scaled down if their norm is above the limit (PyTorch's clip_grad_norm_).</summary>
    public void Step(double learningRate, double gradientNorm)
    {
        Steps++;
        double scale = gradClip > 0 ? Math.Min(1, gradClip / (gradientNorm + 1e-6)) : 1;
        device.Write([(float)learningRate, (float)scale, Correction(beta1), Correction(beta2)], schedule);
        var (values, grads) = (store.Values, store.Grads);
        foreach (var (start, length, decays) in store.Trained())
            foreach (var (from, count, place) in Owned(start, length))
                device.AdamW(values.Slice(from, count), grads.Slice(from, count), m.Slice(place, count), v.Slice(place, count),
                    schedule, (float)beta1, (float)beta2, (float)epsilon, decays ? (float)weightDecay : 0);

        float Correction(double beta) => (float)(1 / (1 - Math.Pow(beta, Steps)));
    }

    /// <summary>A step whose gradients are thrown away: weights and moments stay, time goes on.</summary>
    public void Skip() => Steps++;

    /// <summary>
    /// The moments of each parameter, under PyTorch's names, for a checkpoint. To read gives zero for what is not owned, and to write
    /// takes only what is.
    /// </summary>
    public IEnumerable<(string Name, Shape Shape, PieceReader Read, PieceWriter Write)> State() =>
        from parameter in store.Parameters
        let first = store.OffsetOf(parameter)
        from moment in new[] { (Name: "exp_avg", Flat: m), (Name: "exp_avg_sq", Flat: v) }
        select ($"{parameter.Name}.{moment.Name}", parameter.Shape,
            (PieceReader)((start, piece) => Read(moment.Flat, first + start, piece)), (PieceWriter)((start, piece) => Write(moment.Flat, first + start, piece)));

    void Read(Storage moment, long start, Span<float> piece)
    {
        piece.Clear();
        foreach (var (from, count, place) in Owned(start, piece.Length)) device.Read(moment.Slice(place, count), piece.Slice((int)(from - start), (int)count));
    }

    void Write(Storage moment, long start, ReadOnlySpan<float> piece)
    {
        foreach (var (from, count, place) in Owned(start, piece.Length)) device.Write(piece.Slice((int)(from - start), (int)count), moment.Slice(place, count));
    }

    /// <summary>What is owned of a stretch of flat memory, and where its moments are.</summary>
    IEnumerable<(long Start, long Length, long Place)> Owned(long start, long length)
    {
        foreach (var stretch in owned)
        {
            long from = Math.Max(start, stretch.Start), to = Math.Min(start + length, stretch.Start + stretch.Length);
            if (from < to) yield return (from, to - from, stretch.Place + from - stretch.Start);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var storage in (Storage[])[m, v, schedule, squares])
            if (!storage.IsNone) device.Free(storage);
        m = v = schedule = squares = default;
    }
}
