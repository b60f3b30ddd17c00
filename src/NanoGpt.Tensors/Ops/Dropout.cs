namespace NanoGpt.Tensors;

public static partial class Ops
{
    /// <summary>
    /// Dropout (Srivastava et al. 2014). The mask is never stored: it is drawn again on the way back.
    /// Without recording, or with probability 0, x itself.
    /// <code>
    /// forward:   y = x · mask / (1 - p)
    /// backward:  dx += dy · mask / (1 - p)
    /// </code>
    /// </summary>
    /// <exception cref="ArgumentException">The probability is below 0, or not below 1.</exception>
    public static Tensor Dropout(Tensor x, float probability)
    {
        ExpectDropout(probability);
        var tape = x.Tape;
        if (!tape.Recording || probability == 0) return x;
        var random = tape.NextRandom();
        var y = tape.New(x.Shape);
        tape.Device.DropoutForward(x.Data, y.Data, probability, random);
        tape.Push(y, () =>
        {
            var (dx, accumulate) = tape.GradientInPlace(y, x);
            tape.Device.DropoutBackward(y.Grad, dx, probability, random, accumulate);
        });
        return y;
    }
}
