namespace NanoGpt.Models;

/// <summary>
/// Finds the tokens with the greatest logits, in falling order, equals by id. A few of many are found in one pass: a heap holds the
/// best so far, and hardly a token gets past its least.
/// </summary>
sealed class LikeliestTokens(int vocabulary)
{
    readonly int[] tokens = new int[vocabulary];
    readonly long[] keys = new long[vocabulary];

    /// <summary>The <paramref name="count"/> likeliest; valid until the next call.</summary>
    public ReadOnlySpan<int> Of(ReadOnlySpan<float> logits, int count)
    {
        // A heap of the best, the least on top.
        for (int i = 0; i < count; i++) keys[i] = Key(logits[i], i);
        for (int i = count / 2 - 1; i >= 0; i--) SiftDown(i, count);
        float least = LogitOf(keys[0]);
        for (int i = count; i < logits.Length; i++)
        {
            if (logits[i] <= least) continue;       // an equal one loses to the smaller id
            keys[0] = Key(logits[i], i);
            SiftDown(0, count);
            least = LogitOf(keys[0]);
        }
        Array.Sort(keys, 0, count);
        for (int i = 0; i < count; i++) tokens[i] = int.MaxValue - (int)(uint)keys[count - 1 - i];
        return tokens.AsSpan(0, count);
    }

    /// <summary>A number that orders as (logit, smaller id first): the bits of the float, made to order as integers, above the id.</summary>
    static long Key(float logit, int id)
    {
        int bits = BitConverter.SingleToInt32Bits(logit);
        return (long)(bits ^ bits >> 31 & int.MaxValue) << 32 | (uint)(int.MaxValue - id);
    }

    static float LogitOf(long key)
    {
        int bits = (int)(key >> 32);
        return BitConverter.Int32BitsToSingle(bits ^ bits >> 31 & int.MaxValue);
    }

    void SiftDown(int i, int count)
    {
        long key = keys[i];
        for (int child; (child = 2 * i + 1) < count; i = child)
        {
            if (child + 1 < count && keys[child + 1] < keys[child]) child++;
            if (keys[child] >= key) break;
            keys[i] = keys[child];
        }
        keys[i] = key;
    }
}
