namespace NanoGpt.Tensors;

public static partial class Ops
{
    /// <summary>
    /// <code>
    /// forward:   y = factor · x
    /// backward:  dx += factor · dy
    /// </code>
    /// </summary>
    public static Tensor Scale(Tensor x, float factor)
    {
        var tape = x.Tape;
        var y = tape.New(x.Shape);
        tape.Device.Scale(x.Data, factor, y.Data, accumulate: false);
        tape.Push(y, () =>
        {
            var (dx, accumulate) = tape.GradientInPlace(y, x);
            tape.Device.Scale(y.Grad, factor, dx, accumulate);
        });
        return y;
    }
}
