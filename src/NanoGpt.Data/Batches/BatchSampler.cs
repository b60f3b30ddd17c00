namespace NanoGpt.Data;

/// <summary>
/// Random windows, as nanoGPT's <c>get_batch</c>: every start from 0 to <c>count - block_size</c>, exclusive, is equally
/// likely. A pure function of key and row: there is no generator whose state a checkpoint would have to hold.
/// </summary>
public static class BatchSampler
{
    const uint Tag = 'B' << 24; // sets these draws apart from everything else drawn under the seed of the run

    /// <summary>Where window <paramref name="index"/> of <paramref name="windows"/> starts when they are spread evenly over the tokens, as an evaluation wants them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are not more tokens than <paramref name="blockSize"/>.</exception>
    public static long EvenOffset(long index, long windows, long count, int blockSize)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(blockSize, count);
        return (long)((Int128)(count - blockSize) * (2 * index + 1) / (2 * windows));
    }

    /// <summary>Where the window of one row of a batch starts.</summary>
    /// <param name="key">The batch.</param>
    /// <param name="row">The row within the batch.</param>
    /// <param name="count">The number of tokens to draw from.</param>
    /// <param name="blockSize">T, the number of inputs in a row; one token more is needed for the last target.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are not more tokens than <paramref name="blockSize"/>.</exception>
    public static long Offset(in BatchKey key, int row, long count, int blockSize)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(blockSize, count);
        uint purpose = Tag | (uint)key.Split;
        ulong draw = Philox.Draw64(key.Seed, (uint)row, (uint)key.MicroBatch, (uint)key.Step, purpose);
        return (long)Math.BigMul(draw, (ulong)(count - blockSize), out _); // draw / 2^64 * range; off by at most range / 2^64
    }
}
