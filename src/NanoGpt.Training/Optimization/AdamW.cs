using NanoGpt.Models;
using NanoGpt.Tensors;

namespace NanoGpt.Training;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019) over the flat store, with the clipping of the global gradient norm folded into its
/// one pass. Matrices decay, vectors do not, as in nanoGPT; what is
/// frozen stays as it is.
/// </summary>
public sealed class AdamW : IDisposable
{
    readonly ParameterStore store;
    readonly Device device;
    readonly Storage m, v, schedule, squares;
    readonly double beta1, beta2, weightDecay, gradClip, epsilon;

    /// <summary>An optimizer whose moments start at zero.</summary>
    public AdamW(ParameterStore store, double beta1, double beta2, double weightDecay, double gradClip, double epsilon = 1e-8)
    {
        (this.store, device) = (store, store.Device);
        (this.beta1, this.beta2, this.weightDecay, this.gradClip, this.epsilon) = (beta1, beta2, weightDecay, gradClip, epsilon);
        m = device.Allocate(store.Values.Length);
        v = device.Allocate(store.Values.Length);
        schedule = device.Allocate(4);
        squares = device.Allocate(1);
        device.Fill(m, 0);
        device.Fill(v, 0);
    }

    /// <summary>Steps done or skipped so far, for the bias correction.</summary>
    public long Steps { get; set; }

    /// <summary>The global norm of the gradient, before clipping.</summary>
    public double GradientNorm() => Norm(store.Grads);

    /// <summary>The global norm of the weights: not a number, or infinite, once an update has destroyed them.</summary>
    public double WeightNorm() => Norm(store.Values);

    double Norm(Storage flat)
    {
        device.SumOfSquares(flat, squares, accumulate: false);
        Span<float> sum = [0];
        device.Read(squares, sum);
        return Math.Sqrt(sum[0]);
    }

    /// <summary>One step with the gradients in the store, scaled down if their norm is above the limit (PyTorch's clip_grad_norm_).</summary>
    public void Step(double learningRate, double gradientNorm)
    {
        Steps++;
        double scale = gradClip > 0 ? Math.Min(1, gradClip / (gradientNorm + 1e-6)) : 1;
        device.Write([(float)learningRate, (float)scale, Correction(beta1), Correction(beta2)], schedule);
        foreach (var (start, length, decays) in store.Trained())
            device.AdamW(store.Values.Slice(start, length), store.Grads.Slice(start, length), m.Slice(start, length), v.Slice(start, length),
                schedule, (float)beta1, (float)beta2, (float)epsilon, decays ? (float)weightDecay : 0);

        float Correction(double beta) => (float)(1 / (1 - Math.Pow(beta, Steps)));
    }

    /// <summary>A step whose gradients are thrown away: weights and moments stay, time goes on.</summary>
    public void Skip() => Steps++;

    /// <summary>The moments of each parameter, under PyTorch's names, for a checkpoint.</summary>
    public IEnumerable<(string Name, Shape Shape, Storage Values)> State() =>
        from parameter in store.Parameters
        from moment in new[] { (Name: "exp_avg", Flat: m), (Name: "exp_avg_sq", Flat: v) }
        select ($"{parameter.Name}.{moment.Name}", parameter.Shape, store.SliceOf(parameter, moment.Flat));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var storage in (Storage[])[m, v, schedule, squares]) device.Free(storage);
    }
}
