namespace NanoGpt.Data;

/// <summary>How shards are cut into rows of T inputs and T targets that do not overlap.</summary>
abstract class ShardRows
{
    /// <summary>How many rows a shard has.</summary>
    public abstract long Count(int shard);

    /// <summary>The offset of the first input of a row.</summary>
    public abstract long Start(int shard, long row);

    /// <summary>What to say where there are none.</summary>
    public abstract InvalidDataException Nothing();
}

/// <summary>Rows one beside the other from the first token on, as llm.c. A rest at the end that is shorter than a row is left out.</summary>
sealed class ConsecutiveRows(TokenSequence tokens, int blockSize) : ShardRows
{
    public override long Count(int shard) => (tokens.Shards[shard].Count - 1) / blockSize;

    public override long Start(int shard, long row) => row * blockSize;

    public override InvalidDataException Nothing() => new($"'{tokens.Shards[0].Path}' is shorter than block_size ({blockSize}); make that smaller.");
}

/// <summary>
/// Rows that start where documents do. The first row of a shard starts at its first end-of-text token, which is then the first
/// input; the next at the first end-of-text token behind the row; and so on. A row that outlasts its document runs on into the
/// next ones. What lies between the end of a row and the next end-of-text token is left out, as is a row that the shard cannot fill.
/// </summary>
/// <remarks>Whether end-of-text stands before a document (llm.c) or behind the one before (nanoGPT), the row is the same.</remarks>
sealed class DocumentRows(TokenSequence tokens, int blockSize, int endOfText) : ShardRows
{
    readonly long?[] counts = new long?[tokens.Shards.Count];
    int current = -1;
    List<long> starts = [];

    public override long Count(int shard) => counts[shard] ??= Starts(shard).Count;

    public override long Start(int shard, long row) => Starts(shard)[(int)row];

    public override InvalidDataException Nothing() => new($"No end-of-text token ({endOfText}) of '{tokens.Shards[0].Path}' has {blockSize} tokens behind it, so no row can start with a document; use --data_order=sequential or a smaller block_size.");

    /// <summary>The rows of the shard that is being read; those of others are found again when they are needed.</summary>
    List<long> Starts(int shard)
    {
        if (shard == current) return starts;
        TokenShard file = tokens.Shards[shard];
        starts = [];
        for (long start = file.IndexOf(endOfText, 0); start >= 0 && start < file.Count - blockSize; start = file.IndexOf(endOfText, start + blockSize))
            starts.Add(start);
        current = shard;
        counts[shard] = starts.Count;
        return starts;
    }
}
