namespace NanoGpt.Tensors;

public static partial class Ops
{
    /// <summary>
    /// The tanh approximation of GELU (Hendrycks and Gimpel 2016), with which OpenAI trained GPT-2.
    /// <code>
    /// forward:   y = x/2 · (1 + tanh u),  u = √(2/π) · (x + 0.044715·x³)
    /// backward:  dx += dy · ((1 + tanh u)/2 + x/2 · (1 - tanh² u) · u')
    /// </code>
    /// </summary>
    public static Tensor GeluTanh(Tensor x)
    {
        var tape = x.Tape;
        var y = tape.New(x.Shape);
        tape.Device.GeluTanhForward(x.Data, y.Data);
        tape.Push(y, () =>
        {
            var (dx, accumulate) = tape.GradientInPlace(y, x);
            tape.Device.GeluTanhBackward(y.Grad, x.Data, dx, accumulate);
        });
        return y;
    }
}
