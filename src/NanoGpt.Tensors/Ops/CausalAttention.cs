namespace NanoGpt.Tensors;

public static partial class Ops
{
    /// <summary>
    /// Causal multi-head self-attention (Vaswani et al. 2017), without the T × T matrix (Dao et al. 2022).
    /// <code>
    /// forward:   S = q·kᵀ/√d,  P = softmax(S) over the past and the present,  y = dropout(P)·v
    /// backward:  dv += dropout(P)ᵀ·dy,  dP = dropout'(dy·vᵀ),  dS = P∘(dP - Σ dy∘y),  dq += dS·k/√d,  dk += dSᵀ·q/√d
    /// </code>
    /// </summary>
    /// <param name="qkv">(B, T, 3C): queries, keys and values side by side, each cut into heads of d = C / heads.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="dropout">Probability that an attention weight is dropped, while recording.</param>
    /// <returns>(B, T, C).</returns>
    /// <exception cref="ArgumentException">qkv is not (B, T, 3 · heads · d) or empty, or dropout is below 0 or not below 1.</exception>
    public static Tensor CausalAttention(Tensor qkv, int heads, float dropout)
    {
        Expect(qkv, rank: 3);
        ExpectDropout(dropout);
        if (heads < 1) throw new ArgumentException($"CausalAttention: {heads} heads; there must be one at least.");
        int batch = qkv.Shape[0], time = qkv.Shape[1], channels = qkv.Shape[2] / 3, headSize = channels / heads;
        if (qkv.Shape[2] != 3 * heads * headSize) throw new ArgumentException($"CausalAttention: {qkv.Shape} does not split into q, k, v of {heads} heads.");
        var tape = qkv.Tape;
        if (!tape.Recording) dropout = 0;
        var random = dropout > 0 ? tape.NextRandom() : default;
        var y = tape.New(new Shape(batch, time, channels));
        var logSumExp = tape.NewStorage((long)batch * heads * time);
        tape.Device.AttentionForward(qkv.Data, y.Data, logSumExp, batch, time, heads, headSize, dropout, random);
        tape.Push(y, () =>
        {
            var (dqkv, accumulate) = tape.GradientOf(qkv);
            tape.Device.AttentionBackward(y.Grad, qkv.Data, y.Data, logSumExp, dqkv, batch, time, heads, headSize, dropout, random, accumulate);
        });
        return y;
    }
}
