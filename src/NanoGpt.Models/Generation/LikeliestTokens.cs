using System.Numerics;
using System.Runtime.InteropServices;

namespace NanoGpt.Models;

/// <summary>
/// Finds the tokens with the greatest logits, in falling order, equals by id. A few of many are found in two passes, a vector at a
/// time: split the logits into groups; where k groups reach a bound with their greatest, at least k tokens reach it. What reaches
/// it, hardly more than k, is sorted.
/// </summary>
sealed class LikeliestTokens(int vocabulary)
{
    /// <summary>So many times as many groups as tokens are wanted: then about 1.15 times as many tokens reach the bound.</summary>
    const int GroupsPerToken = 4;

    /// <summary>Tokens of a group at most: fewer groups than this makes are hardly faster to search.</summary>
    const int MaxGroup = 64;

    readonly int[] tokens = new int[vocabulary];
    readonly long[] keys = new long[vocabulary];
    readonly float[] greatest = new float[vocabulary];

    /// <summary>The <paramref name="count"/> likeliest; valid until the next call.</summary>
    public ReadOnlySpan<int> Of(ReadOnlySpan<float> logits, int count)
    {
        int size = Math.Min(MaxGroup, logits.Length / (GroupsPerToken * count));
        int found = size > 1 ? Collect(logits, Bound(logits, logits.Length / size, count)) : 0;
        if (found < count)      // many are wanted, or some are no numbers
        {
            for (int i = 0; i < logits.Length; i++) keys[i] = Key(logits[i], i);
            found = logits.Length;
        }
        Array.Sort(keys, 0, found);
        for (int i = 0; i < count; i++) tokens[i] = int.MaxValue - (int)(uint)keys[found - 1 - i];
        return tokens.AsSpan(0, count);
    }

    /// <summary>What <paramref name="count"/> groups reach. Token i belongs to group i mod <paramref name="groups"/>; those left over to none.</summary>
    float Bound(ReadOnlySpan<float> logits, int groups, int count)
    {
        var most = greatest.AsSpan(0, groups);
        logits[..groups].CopyTo(most);
        for (int start = groups; start + groups <= logits.Length; start += groups)
        {
            var more = logits.Slice(start, groups);
            var a = MemoryMarshal.Cast<float, Vector<float>>(most);
            var b = MemoryMarshal.Cast<float, Vector<float>>(more);
            for (int i = 0; i < a.Length; i++) a[i] = Vector.Max(a[i], b[i]);
            for (int i = a.Length * Vector<float>.Count; i < groups; i++) most[i] = Math.Max(most[i], more[i]);
        }
        return LeastOfGreatest(most, count);
    }

    /// <summary>The keys of the tokens that reach a bound; how many.</summary>
    int Collect(ReadOnlySpan<float> logits, float bound)
    {
        int found = 0, i = 0;
        var least = new Vector<float>(bound);
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(logits);
        for (int v = 0; v < vectors.Length; v++, i += Vector<float>.Count)
            if (Vector.GreaterThanOrEqualAny(vectors[v], least)) Scan(logits, i, i + Vector<float>.Count, bound, ref found);
        Scan(logits, i, logits.Length, bound, ref found);
        return found;
    }

    void Scan(ReadOnlySpan<float> logits, int from, int to, float bound, ref int found)
    {
        for (int i = from; i < to; i++)
            if (logits[i] >= bound) keys[found++] = Key(logits[i], i);
    }

    /// <summary>The least of the <paramref name="count"/> greatest values: a heap holds the greatest so far, its least on top.</summary>
    float LeastOfGreatest(ReadOnlySpan<float> values, int count)
    {
        var heap = keys.AsSpan(0, count);
        for (int i = 0; i < count; i++) heap[i] = Key(values[i], i);
        for (int i = count / 2 - 1; i >= 0; i--) SiftDown(heap, i);
        for (int i = count; i < values.Length; i++)
        {
            long key = Key(values[i], i);
            if (key <= heap[0]) continue;
            heap[0] = key;
            SiftDown(heap, 0);
        }
        return LogitOf(heap[0]);
    }

    static void SiftDown(Span<long> heap, int i)
    {
        long key = heap[i];
        for (int child; (child = 2 * i + 1) < heap.Length; i = child)
        {
            if (child + 1 < heap.Length && heap[child + 1] < heap[child]) child++;
            if (heap[child] >= key) break;
            heap[i] = heap[child];
        }
        heap[i] = key;
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
}
