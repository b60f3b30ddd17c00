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
    /// <exception cref="ArgumentException">An operand has another rank or is empty, the tables differ in width, the positions from first to first + T - 1 are not within their table, or an id is not within the token table.</exception>
    /// <exception cref="InvalidOperationException">A table belongs to no store, or the tape records and a table is narrow.</exception>
    public static Tensor Embedding(Tensor ids, Parameter tokens, Parameter positions, int first = 0)
    {
        Expect(ids, rank: 2);
        Expect(tokens, rank: 2);
        Expect(positions, rank: 2);
        int batch = ids.Shape[0], time = ids.Shape[1], channels = tokens.Shape[1];
        if (positions.Shape[1] != channels) throw new ArgumentException($"Embedding: the tables differ in width: {tokens.Shape} and {positions.Shape}.");
        if (first < 0 || first + time > positions.Shape[0]) throw new ArgumentException($"Embedding: {time} positions from {first} on asked of a table of {positions.Shape[0]}.");
        var tape = ids.Tape;
        var y = tape.New(new Shape(batch, time, channels));
        if (tokens.IsNarrow && positions.IsNarrow && !tape.Recording)
        {
            tape.Device.NarrowEmbeddingForward(ids.Data, tokens.Data, positions.Data, y.Data, batch, time, channels, first);
            return y;
        }
        var rows = Wide(positions).Slice((long)first * channels, (long)time * channels);
        tape.Device.EmbeddingForward(ids.Data, Wide(tokens), rows, y.Data, batch, time, channels);
        tape.Push(y, () => tape.Device.EmbeddingBackward(ids.Data, y.Grad, tape.SumGradientOf(tokens),
            tape.SumGradientOf(positions).Slice((long)first * channels, (long)time * channels), batch, time, channels));
        return y;
    }
}
