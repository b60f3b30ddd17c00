namespace NanoGpt.Data;

/// <summary>
/// Every row of every shard once in an epoch: the shards in a shuffled order, and within a shard its rows in a shuffled
/// order, both a pure function of (seed, epoch). What is remembered here only saves work.
/// </summary>
sealed class EpochOrder(TokenSequence tokens, Split split, ShardRows rows)
{
    (ulong Seed, long Epoch)? shuffled;
    int[] shards = [];

    /// <summary>Where a row of the run starts; rows are counted through all steps, micro-batches and epochs.</summary>
    /// <exception cref="InvalidDataException">The data has no row at all.</exception>
    public (int Shard, long Offset) Locate(ulong seed, long row)
    {
        if (Find(seed, 0, row) is { } first) return first;
        long total = Enumerable.Range(0, tokens.Shards.Count).Sum(rows.Count); // known by now: the first epoch is over
        if (total == 0) throw rows.Nothing();
        return Find(seed, row / total, row % total)!.Value;
    }

    /// <summary>Goes through the shards of an epoch; null where it has fewer rows. A shard is not looked into before it is reached.</summary>
    (int Shard, long Offset)? Find(ulong seed, long epoch, long row)
    {
        uint of = (uint)split << 31;
        if (shuffled != (seed, epoch))
        {
            int count = tokens.Shards.Count;
            var order = new Permutation(seed, epoch, of, count);
            shards = [.. Enumerable.Range(0, count).Select(place => (int)order.At(place))];
            shuffled = (seed, epoch);
        }
        foreach (int shard in shards)
        {
            long count = rows.Count(shard);
            if (row < count) return (shard, rows.Start(shard, new Permutation(seed, epoch, of | (uint)(shard + 1), count).At(row)));
            row -= count;
        }
        return null;
    }
}
