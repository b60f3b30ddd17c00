namespace NanoGpt.Tensors;

public static partial class Ops
{
    /// <summary>
    /// Token and position embeddings, summed.
    /// <code>
    /// forward:   y[b, t, :] = tokens[ids[b, t], :] + positions[t, :]
    /// backward:  dTokens[ids[b, t], :] += dy[b, t, :],  dPositions[t, :] += dy[b, t, :]
    /// </code>
    /// </summary>
    /// <param name="ids">Token ids, (B, T), each below V.</param>
    /// <param name="tokens">Token table, (V, C).</param>
    /// <param name="positions">Position table, (at least T, C).</param>
    /// <returns>(B, T, C).</returns>
    /// <exception cref="ArgumentException">The tables differ in width, or T is longer than the position table.</exception>
    public static Tensor Embedding(Tensor ids, Parameter tokens, Parameter positions)
    {
        int batch = ids.Shape[0], time = ids.Shape[1], channels = tokens.Shape[1];
        if (positions.Shape[1] != channels) throw new ArgumentException($"Embedding: the tables differ in width: {tokens.Shape} and {positions.Shape}.");
        if (time > positions.Shape[0]) throw new ArgumentException($"Embedding: {time} positions asked of a table of {positions.Shape[0]}.");
        var tape = ids.Tape;
        var y = tape.New(new Shape(batch, time, channels));
        tape.Device.EmbeddingForward(ids.Data, tokens.Data, positions.Data, y.Data, batch, time, channels);
        tape.Push(y, () => tape.Device.EmbeddingBackward(ids.Data, y.Grad, tape.SumGradientOf(tokens), tape.SumGradientOf(positions), batch, time, channels));
        return y;
    }
}
