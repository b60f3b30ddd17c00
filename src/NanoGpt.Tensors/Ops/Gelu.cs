namespace NanoGpt.Tensors;

public static partial class Ops
{
    /// <summary>
    /// Gaussian error linear unit (Hendrycks and Gimpel 2016), the exact form that nanoGPT uses.
    /// <code>
    /// forward:   y = x · Φ(x),  Φ(x) = (1 + erf(x/√2)) / 2
    /// backward:  dx += dy · (Φ(x) + x · φ(x)),  φ(x) = exp(-x²/2) / √(2π)
    /// </code>
    /// </summary>
    public static Tensor Gelu(Tensor x)
    {
        var tape = x.Tape;
        var y = tape.New(x.Shape);
        tape.Device.GeluForward(x.Data, y.Data);
        tape.Push(y, () =>
        {
            var (dx, accumulate) = tape.GradientInPlace(y, x);
            tape.Device.GeluBackward(y.Grad, x.Data, dx, accumulate);
        });
        return y;
    }
}
