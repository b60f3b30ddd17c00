namespace NanoGpt.Tensors;

/// <summary>
/// The contract between the tensors and a machine: memory, and one method per kernel. Kernels do arithmetic on flat
/// memory and know no policy. Every method may run asynchronously on a device that does so; <see cref="Read(Storage, Span{float})"/> waits.
/// </summary>
/// <remarks>
/// Conventions. Matrices are row-major. <c>rows</c> is B·T. Gradients are added to, unless a kernel takes
/// <c>accumulate</c>, which says whether to add to the destination or to overwrite it. An optional operand is left out as <c>default</c>. Results do not depend on the number of threads.
/// What changes from step to step (learning rate, random step) is read from device memory, so a step can be captured and replayed.
/// </remarks>
public abstract class Device : IDisposable
{
    /// <summary>What it is, in words for a person.</summary>
    public abstract string Name { get; }

    /// <summary>Room for <paramref name="count"/> elements; the contents are undefined.</summary>
    /// <exception cref="OutOfMemoryException">The device has no such room.</exception>
    public abstract Storage Allocate(long count);

    /// <summary>Gives memory back.</summary>
    public abstract void Free(Storage storage);

    /// <summary>Copies values out, as many as there is room for.</summary>
    /// <exception cref="ArgumentException">There are not so many.</exception>
    public abstract void Read(Storage source, Span<float> destination);

    /// <summary>Copies values in.</summary>
    /// <exception cref="ArgumentException">There is no room for them.</exception>
    public abstract void Write(ReadOnlySpan<float> source, Storage destination);

    /// <summary>Copies whole numbers in.</summary>
    /// <exception cref="ArgumentException">There is no room for them.</exception>
    public abstract void Write(ReadOnlySpan<int> source, Storage destination);

    /// <summary>x = value.</summary>
    public abstract void Fill(Storage x, float value);

    /// <summary>y = x. The two may overlap.</summary>
    /// <exception cref="ArgumentException">Their lengths differ.</exception>
    public abstract void Copy(Storage x, Storage y);

    /// <summary>x ~ N(0, std²), a pure function of (seed, stream, index).</summary>
    public abstract void FillNormal(Storage x, float std, ulong seed, uint stream);

    /// <summary>y = a + b.</summary>
    public abstract void Add(Storage a, Storage b, Storage y);

    /// <summary>y += x.</summary>
    public abstract void Accumulate(Storage x, Storage y);

    /// <summary>y = factor · x (+ y). y may be x.</summary>
    public abstract void Scale(Storage x, float factor, Storage y, bool accumulate);

    /// <summary>result[0] = the mean of x, summed in an order that depends on the length alone.</summary>
    public abstract void Mean(Storage x, Storage result);

    /// <summary>result[0] = Σ x², formed in fp64 from fixed blocks.</summary>
    public abstract void SumOfSquares(Storage x, Storage result);

    /// <summary>y[b, t, :] = tokens[ids[b, t], :] + positions[t, :].</summary>
    /// <exception cref="ArgumentException">An id is not within the table.</exception>
    public abstract void EmbeddingForward(Storage ids, Storage tokens, Storage positions, Storage y, int batch, int time, int channels);

    /// <summary>dTokens[ids[b, t], :] += dy[b, t, :]; dPositions[t, :] += dy[b, t, :].</summary>
    /// <exception cref="ArgumentException">An id is not within the table.</exception>
    public abstract void EmbeddingBackward(Storage ids, Storage dy, Storage dTokens, Storage dPositions, int batch, int time, int channels);

    /// <summary>y = (x - mean) · rstd · weight + bias over each row; mean and rstd are kept for the way back.</summary>
    public abstract void LayerNormForward(Storage x, Storage weight, Storage bias, Storage y, Storage mean, Storage rstd, int rows, int channels);

    /// <summary>Gradients of <see cref="LayerNormForward"/>; <paramref name="accumulate"/> is for dx, the others are added to.</summary>
    public abstract void LayerNormBackward(Storage dy, Storage x, Storage weight, Storage mean, Storage rstd,
        Storage dx, Storage dWeight, Storage dBias, int rows, int channels, bool accumulate);

    /// <summary>y (rows, outputs) = x (rows, inputs) · weightᵀ + bias, weight (outputs, inputs).</summary>
    public abstract void LinearForward(Storage x, Storage weight, Storage bias, Storage y, int rows, int inputs, int outputs);

    /// <summary>dx = dy · weight.</summary>
    public abstract void LinearBackwardInput(Storage dy, Storage weight, Storage dx, int rows, int inputs, int outputs, bool accumulate);

    /// <summary>dWeight (+)= dyᵀ · x; dBias += Σ over rows of dy.</summary>
    public abstract void LinearBackwardWeight(Storage dy, Storage x, Storage dWeight, Storage dBias, int rows, int inputs, int outputs, bool accumulate);

    /// <summary>y = x · Φ(x) = x/2 · (1 + erf(x/√2)): the exact GELU (Hendrycks and Gimpel 2016), PyTorch's and nanoGPT's default.</summary>
    public abstract void GeluForward(Storage x, Storage y);

    /// <summary>dx = dy · (Φ(x) + x·φ(x)). dx may be dy.</summary>
    public abstract void GeluBackward(Storage dy, Storage x, Storage dx, bool accumulate);

    /// <summary>y = x · σ(2u), u = √(2/π)·(x + 0.044715·x³): the tanh form of GELU that OpenAI's GPT-2 was trained with, since (1 + tanh u)/2 = σ(2u).</summary>
    public abstract void GeluTanhForward(Storage x, Storage y);

    /// <summary>dx = dy · (σ(2u) + x · σ(2u)·(1 - σ(2u)) · 2u'). dx may be dy.</summary>
    public abstract void GeluTanhBackward(Storage dy, Storage x, Storage dx, bool accumulate);

    /// <summary>y = x · mask / (1 - probability); the mask is a pure function of (random, index).</summary>
    public abstract void DropoutForward(Storage x, Storage y, float probability, RandomKey random);

    /// <summary>dx = dy · mask / (1 - probability), with the mask of the way forward. dx may be dy.</summary>
    public abstract void DropoutBackward(Storage dy, Storage dx, float probability, RandomKey random, bool accumulate);

    /// <summary>
    /// Causal self-attention, all heads: qkv (B, T, 3C) holds q, k and v side by side; y (B, T, C) = dropout(softmax(q·kᵀ/√d)) · v.
    /// <paramref name="logSumExp"/> (B, heads, T) is kept for the way back. T × T scores are never held for more than a strip of queries.
    /// </summary>
    public abstract void AttentionForward(Storage qkv, Storage y, Storage logSumExp, int batch, int time, int heads, int headSize,
        float dropout, RandomKey random);

    /// <summary>Gradients of <see cref="AttentionForward"/>; probabilities are formed again (Dao et al. 2022, FlashAttention).</summary>
    public abstract void AttentionBackward(Storage dy, Storage qkv, Storage y, Storage logSumExp, Storage dqkv,
        int batch, int time, int heads, int headSize, float dropout, RandomKey random, bool accumulate);

    /// <summary>
    /// Copies the keys and values of new positions, from qkv (B, T, 3C), into caches (B, heads, capacity, d), behind the
    /// <paramref name="past"/> positions that these hold.
    /// </summary>
    public abstract void AppendKeyValues(Storage qkv, Storage keys, Storage values, int batch, int time, int past, int capacity, int heads, int headSize);

    /// <summary>
    /// Attention of the queries of new positions, in qkv (B, T, 3C), to the keys and values in caches that hold
    /// <paramref name="past"/> positions and behind them the new ones: the i-th new one sees past + i + 1 of them. y is (B, T, C).
    /// </summary>
    public abstract void CachedAttention(Storage qkv, Storage keys, Storage values, Storage y, int batch, int time, int past, int capacity, int heads, int headSize);

    /// <summary>y = x rounded to bf16 (nearest, ties to even), two to an element of the storage.</summary>
    public abstract void Narrow(Storage x, Storage y);

    /// <summary><see cref="LinearForward"/> with a bf16 weight.</summary>
    public abstract void NarrowLinearForward(Storage x, Storage weight, Storage bias, Storage y, int rows, int inputs, int outputs);

    /// <summary><see cref="EmbeddingForward"/> from bf16 tables; the first token stands at position <paramref name="first"/>.</summary>
    /// <exception cref="ArgumentException">An id is not within the table.</exception>
    public abstract void NarrowEmbeddingForward(Storage ids, Storage tokens, Storage positions, Storage y, int batch, int time, int channels, int first);

    /// <summary>losses[i] = -log softmax(logits[i])[targets[i]]; 0 where the target is negative. dLogits, if given, gets (softmax - onehot) · scale.</summary>
    /// <exception cref="ArgumentException">A target is not below the size of the vocabulary.</exception>
    public abstract void CrossEntropy(Storage logits, Storage targets, Storage losses, Storage dLogits, int rows, int vocabulary, float scale);

    /// <summary>
    /// The head and its loss in one: losses[i] = crossEntropy(x[i] · weightᵀ, targets[i]), a block of rows at a time, so that the
    /// logits (rows × vocabulary) never exist at once. Where dx is given, the gradients of scale · Σ losses are formed in the same
    /// visit: dx is overwritten, dWeight is added to or overwritten.
    /// </summary>
    /// <exception cref="ArgumentException">A target is not below the size of the vocabulary.</exception>
    public abstract void LinearCrossEntropy(Storage x, Storage weight, Storage targets, Storage losses, Storage dx, Storage dWeight,
        int rows, int channels, int vocabulary, float scale, bool accumulate);

    /// <summary>
    /// AdamW (Loshchilov and Hutter 2019), one pass. <paramref name="schedule"/> holds what changes from step to step:
    /// [learning rate, gradient scale, 1/(1 - beta1^t), 1/(1 - beta2^t)].
    /// <code>
    /// g = scale·grad;  m = β1·m + (1-β1)·g;  v = β2·v + (1-β2)·g²
    /// value = value·(1 - lr·weightDecay) - lr · m̂ / (√v̂ + ε)
    /// </code>
    /// </summary>
    public abstract void AdamW(Storage values, Storage grads, Storage m, Storage v, Storage schedule,
        float beta1, float beta2, float epsilon, float weightDecay);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives back what the device holds.</summary>
    protected abstract void Dispose(bool disposing);
}
