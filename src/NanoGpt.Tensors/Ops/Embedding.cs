namespace NanoGpt.Tensors;

public static partial class Ops
{
    /// <summary>
    /// Token and position embeddings, summed.
    /// <code>
    /// forward:   y[b, t, :] = tokens[ids[b, t], :] + positions[first + t, :]
    /// backward:  dTokens[ids[b, t], :] += dy[b, t, :],  dPositions[first + t, :] += dy[b, t, :]
    /// </code>
    /// </summary>
    /// <param name="ids">Token ids, (B, T), each below V.</param>
    /// <param name="tokens">Token table, (V, C).</param>
    /// <param name="positions">Position table, (at least first + T, C).</param>
    /// <param name="first">The position of the first token; above 0 where a cache holds what came before.</param>
    /// <returns>(B, T, C).</returns>
    /// <exception cref="ArgumentException">The tables differ in width, or first + T is longer than the position table.</exception>
    public static Tensor Embedding(Tensor ids, Parameter tokens, Parameter positions, int first = 0)
    {
        int batch = ids.Shape[0], time = ids.Shape[1], channels = tokens.Shape[1];
        if (positions.Shape[1] != channels) throw new ArgumentException($"Embedding: the tables differ in width: {tokens.Shape} and {positions.Shape}.");
        if (first + time > positions.Shape[0]) throw new ArgumentException($"Embedding: {first + time} positions asked of a table of {positions.Shape[0]}.");
        var tape = ids.Tape;
        var y = tape.New(new Shape(batch, time, channels));
        if (tokens.IsNarrow)
        {
            tape.Device.NarrowEmbeddingForward(ids.Data, tokens.Data, positions.Data, y.Data, batch, time, channels, first);
            return y;
        }
        var rows = positions.Data.Slice((long)first * channels, (long)time * channels);
        tape.Device.EmbeddingForward(ids.Data, tokens.Data, rows, y.Data, batch, time, channels);
        tape.Push(y, () => tape.Device.EmbeddingBackward(ids.Data, y.Grad, tape.SumGradientOf(tokens),
            tape.SumGradientOf(positions).Slice((long)first * channels, (long)time * channels), batch, time, channels));
        return y;
    }
}
