namespace NanoGpt.Tensors;

public static partial class Ops
{
    /// <summary>The last position of each sequence, (B, T, C) to (B, C): all that sampling needs of the final layer. Not differentiable.</summary>
    /// <exception cref="ArgumentException">x is not (B, T, C), or empty.</exception>
    /// <exception cref="InvalidOperationException">The tape records.</exception>
    public static Tensor LastPosition(Tensor x)
    {
        Expect(x, rank: 3);
        int batch = x.Shape[0], time = x.Shape[1], channels = x.Shape[2];
        var tape = x.Tape;
        if (tape.Recording) throw new InvalidOperationException("LastPosition is for sampling: it has no way back.");
        var y = tape.New(new Shape(batch, channels));
        for (int b = 0; b < batch; b++)
            tape.Device.Copy(x.Data.Slice(((long)b * time + time - 1) * channels, channels), y.Data.Slice((long)b * channels, channels));
        return y;
    }
}
