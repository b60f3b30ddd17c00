namespace NanoGpt.Data;

/// <summary>The merges of a byte-pair encoding: for two tokens side by side, which token they make, and how early it was learned.</summary>
internal sealed class MergeTable
{
    /// <summary>The rank of a pair that makes nothing.</summary>
    public const int None = int.MaxValue;

    readonly ulong[] keys;      // left and right, plus 1: zero is an empty place
    readonly int[] ranks;
    readonly int[] results;     // by rank
    readonly int shift;

    /// <summary>A table of merges in the order in which they were learned.</summary>
    public MergeTable(IReadOnlyList<BpeMerge> merges)
    {
        int bits = 4;
        while (1 << bits < 2 * merges.Count) bits++;
        (shift, keys, ranks, results) = (64 - bits, new ulong[1 << bits], new int[1 << bits], new int[merges.Count]);
        for (int rank = 0; rank < merges.Count; rank++)
        {
            ulong key = Key(merges[rank].Left, merges[rank].Right);
            int at = Place(key);
            while (keys[at] != 0 && keys[at] != key) at = at + 1 & keys.Length - 1;
            if (keys[at] == 0) (keys[at], ranks[at]) = (key, rank);     // of two merges of one pair the earlier holds
            results[rank] = merges[rank].Result;
        }
    }

    /// <summary>The rank of a pair, or <see cref="None"/>; low ranks are merged first.</summary>
    public int Rank(int left, int right)
    {
        ulong key = Key(left, right);
        for (int at = Place(key); ; at = at + 1 & keys.Length - 1)
        {
            if (keys[at] == key) return ranks[at];
            if (keys[at] == 0) return None;
        }
    }

    /// <summary>The token that the merge of a rank makes.</summary>
    public int Result(int rank) => results[rank];

    static ulong Key(int left, int right) => ((ulong)(uint)left << 32 | (uint)right) + 1;

    int Place(ulong key) => (int)(key * 0x9E3779B97F4A7C15 >> shift);
}

/// <summary>A merge: two tokens and what they make.</summary>
internal readonly record struct BpeMerge(int Left, int Right, int Result);
