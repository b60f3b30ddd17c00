namespace NanoGpt.Tensors;

public static partial class Ops
{
    /// <summary>
    /// Adds what a layer made to the stream it came from. The sum takes the place of <paramref name="branch"/>, which is used up:
    /// neither a linear layer nor dropout needs its result on the way back, so a block keeps two activations less than with
    /// <see cref="Add"/>.
    /// <code>
    /// forward:   y = x + f
    /// backward:  dx += dy,  df += dy
    /// </code>
    /// </summary>
    /// <param name="x">The stream.</param>
    /// <param name="branch">f: the result of <see cref="Linear"/> or <see cref="Dropout"/>, of no use to anyone else.</param>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor Residual(Tensor x, Tensor branch)
    {
        if (x.Shape != branch.Shape) throw new ArgumentException($"Residual: the shapes differ: {x.Shape} and {branch.Shape}.");
        var tape = x.Tape;
        var y = new Tensor(tape, x.Shape, branch.Data);
        tape.Device.Add(x.Data, branch.Data, y.Data);
        tape.Push(y, () =>
        {
            tape.PassGradient(y, branch);
            tape.PassGradient(y, x);
        });
        return y;
    }
}
