namespace NanoGpt.Tensors;

public static partial class Ops
{
    /// <summary>
    /// Layer normalisation (Ba, Kiros and Hinton 2016) over the last dimension, ε = 1e-5.
    /// <code>
    /// forward:   x̂ = (x - mean) · rstd,  y = x̂ · weight + bias
    /// backward:  dx += rstd · (dx̂ - mean(dx̂) - x̂ · mean(dx̂ · x̂)),  dx̂ = dy · weight
    ///            dWeight += Σ dy · x̂,  dBias += Σ dy
    /// </code>
    /// </summary>
    /// <param name="x">(…, C).</param>
    /// <param name="weight">(C).</param>
    /// <param name="bias">(C), or null.</param>
    /// <exception cref="ArgumentException">The weight or the bias is not as wide as x, or x has no rows.</exception>
    /// <exception cref="InvalidOperationException">A parameter belongs to no store.</exception>
    public static Tensor LayerNorm(Tensor x, Parameter weight, Parameter? bias)
    {
        ExpectRows(x);
        Expect(weight, rank: 1);
        if (bias != null) Expect(bias, rank: 1);
        int channels = x.Shape[-1], rows = x.Shape.Rows;
        if (weight.Shape.Count != channels) throw new ArgumentException($"LayerNorm: x {x.Shape} and weight {weight.Shape} differ in width.");
        if (bias != null && bias.Shape.Count != channels) throw new ArgumentException($"LayerNorm: x {x.Shape} and bias {bias.Shape} differ in width.");
        var tape = x.Tape;
        var y = tape.New(x.Shape);
        var mean = tape.NewStorage(rows);
        var rstd = tape.NewStorage(rows);
        tape.Device.LayerNormForward(x.Data, weight.Values, bias?.Values ?? default, y.Data, mean, rstd, rows, channels);
        tape.Push(y, () =>
        {
            var (dx, accumulate) = tape.GradientOf(x);
            tape.Device.LayerNormBackward(y.Grad, x.Data, weight.Data, mean, rstd, dx, tape.SumGradientOf(weight), tape.SumGradientOf(bias), rows, channels, accumulate);
        });
        return y;
    }
}
