namespace NanoGpt.Tensors;

/// <summary>
/// The differentiable operations. To add one: a file here with the formulas of both directions, a forward that pushes its
/// way back on the tape, and its kernels in <see cref="Device"/>.
/// </summary>
public static partial class Ops
{
    /// <summary>
    /// <code>
    /// forward:   y = a + b
    /// backward:  da += dy,  db += dy
    /// </code>
    /// </summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor Add(Tensor a, Tensor b)
    {
        if (a.Shape != b.Shape) throw new ArgumentException($"Add: the shapes differ: {a.Shape} and {b.Shape}.");
        var tape = a.Tape;
        var y = tape.New(a.Shape);
        tape.Device.Add(a.Data, b.Data, y.Data);
        tape.Push(y, () =>
        {
            tape.PassGradient(y, b);
            tape.PassGradient(y, a);
        });
        return y;
    }
}
