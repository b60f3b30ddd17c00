namespace NanoGpt.Tensors;

public static partial class Ops
{
    /// <summary>
    /// <code>
    /// forward:   y = x · weightᵀ + bias
    /// backward:  dx += dy · weight,  dWeight += dyᵀ · x,  dBias += Σ dy
    /// </code>
    /// </summary>
    /// <param name="x">(…, inputs).</param>
    /// <param name="weight">(outputs, inputs), as PyTorch keeps it.</param>
    /// <param name="bias">(outputs), or null.</param>
    /// <returns>(…, outputs).</returns>
    /// <exception cref="ArgumentException">x, weight and bias do not fit, or x has no rows.</exception>
    /// <exception cref="InvalidOperationException">A parameter belongs to no store, or the tape records and the weight is narrow.</exception>
    public static Tensor Linear(Tensor x, Parameter weight, Parameter? bias)
    {
        ExpectRows(x);
        Expect(weight, rank: 2);
        if (bias != null) Expect(bias, rank: 1);
        int inputs = weight.Shape[1], outputs = weight.Shape[0], rows = x.Shape.Rows;
        if (x.Shape[-1] != inputs) throw new ArgumentException($"Linear: x {x.Shape} does not fit weight {weight.Shape}.");
        if (bias != null && bias.Shape.Count != outputs) throw new ArgumentException($"Linear: bias {bias.Shape} does not fit weight {weight.Shape}.");
        var tape = x.Tape;
        var y = tape.New(x.Shape.WithLast(outputs));
        if (weight.IsNarrow && !tape.Recording) tape.Device.NarrowLinearForward(x.Data, weight.Values, bias?.Values ?? default, y.Data, rows, inputs, outputs);
        else tape.Device.LinearForward(x.Data, Wide(weight), bias?.Values ?? default, y.Data, rows, inputs, outputs);
        tape.Push(y, () =>
        {
            var (dWeight, add) = tape.GradientOf(weight);
            tape.Device.LinearBackwardWeight(y.Grad, x.Data, dWeight, tape.SumGradientOf(bias), rows, inputs, outputs, add);
            var (dx, accumulate) = tape.GradientOf(x);
            tape.Device.LinearBackwardInput(y.Grad, weight.Data, dx, rows, inputs, outputs, accumulate);
        });
        return y;
    }
}
