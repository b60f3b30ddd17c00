namespace NanoGpt.Data;

/// <summary>
/// Byte-pair encoding of a word (Sennrich et al. 2016): of all neighbouring tokens, the pair that was learned first is merged,
/// the leftmost of equals, until no pair makes a token.
/// </summary>
internal static class WordMerger
{
    /// <summary>Words up to this length are merged by looking at every pair again; longer ones keep their pairs in a heap, so that a megabyte of one letter takes a second, not a year.</summary>
    const int Short = 64;

    /// <summary>Appends the tokens of a word.</summary>
    public static void Merge(ReadOnlySpan<byte> word, ReadOnlySpan<int> tokenOfByte, MergeTable merges, List<int> ids)
    {
        if (word.Length <= Short) MergeShort(word, tokenOfByte, merges, ids);
        else MergeLong(word, tokenOfByte, merges, ids);
    }

    static void MergeShort(ReadOnlySpan<byte> word, ReadOnlySpan<int> tokenOfByte, MergeTable merges, List<int> ids)
    {
        Span<int> tokens = stackalloc int[Short], ranks = stackalloc int[Short];        // ranks[i] is of the pair (i, i + 1)
        int count = word.Length;
        for (int i = 0; i < count; i++) tokens[i] = tokenOfByte[word[i]];
        for (int i = 0; i + 1 < count; i++) ranks[i] = merges.Rank(tokens[i], tokens[i + 1]);
        while (count > 1)
        {
            int best = 0;
            for (int i = 1; i + 1 < count; i++)
                if (ranks[i] < ranks[best]) best = i;
            if (ranks[best] == MergeTable.None) break;
            tokens[best] = merges.Result(ranks[best]);
            tokens[(best + 2)..count].CopyTo(tokens[(best + 1)..]);
            if (best + 2 < count) ranks[(best + 2)..(count - 1)].CopyTo(ranks[(best + 1)..]);
            count--;
            if (best > 0) ranks[best - 1] = merges.Rank(tokens[best - 1], tokens[best]);
            if (best + 1 < count) ranks[best] = merges.Rank(tokens[best], tokens[best + 1]);
        }
        for (int i = 0; i < count; i++) ids.Add(tokens[i]);
    }

    static void MergeLong(ReadOnlySpan<byte> word, ReadOnlySpan<int> tokenOfByte, MergeTable merges, List<int> ids)
    {
        // A list linked both ways; a token that was merged into its left neighbour is -1.
        int count = word.Length;
        int[] tokens = new int[count], previous = new int[count], next = new int[count];
        for (int i = 0; i < count; i++) (tokens[i], previous[i], next[i]) = (tokenOfByte[word[i]], i - 1, i + 1);
        var pairs = new PriorityQueue<int, long>(count);        // by rank, then by position; stale entries are skipped
        for (int i = 0; i + 1 < count; i++) Consider(i);
        while (pairs.TryDequeue(out int left, out long priority))
        {
            int rank = (int)(priority >> 32), right = next[left];
            if (tokens[left] < 0 || right == count || merges.Rank(tokens[left], tokens[right]) != rank) continue;
            tokens[left] = merges.Result(rank);
            tokens[right] = -1;
            next[left] = next[right];
            if (next[left] < count) previous[next[left]] = left;
            if (previous[left] >= 0) Consider(previous[left]);
            Consider(left);
        }
        for (int i = 0; i < count; i = next[i]) ids.Add(tokens[i]);

        void Consider(int left)
        {
            if (next[left] == count) return;
            int rank = merges.Rank(tokens[left], tokens[next[left]]);
            if (rank != MergeTable.None) pairs.Enqueue(left, (long)rank << 32 | (uint)left);
        }
    }
}
