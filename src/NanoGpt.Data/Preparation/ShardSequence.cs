namespace NanoGpt.Data;

/// <summary>The tokens of a split as a row of shards of equal size, the last one smaller.</summary>
/// <param name="folder">Where they go.</param>
/// <param name="plan">Their format, size and names.</param>
/// <param name="split">Training or validation.</param>
/// <param name="done">Those that were written before a restart.</param>
internal sealed class ShardSequence(string folder, CorpusPlan plan, Split split, IReadOnlyList<ShardFile> done) : IDisposable
{
    readonly List<ShardFile> shards = [.. done];
    TokenShardWriter? writer;

    /// <summary>The shards that are complete.</summary>
    public IReadOnlyList<ShardFile> Shards => shards;

    /// <summary>The number of tokens in all shards, complete or not.</summary>
    public long Count { get; private set; } = done.Sum(shard => shard.Tokens);

    /// <summary>Appends tokens.</summary>
    /// <returns>Whether a shard was completed.</returns>
    public bool Write(ReadOnlySpan<int> tokens)
    {
        bool completed = false;
        while (!tokens.IsEmpty)
        {
            writer ??= new TokenShardWriter(Path.Combine(folder, NextName), plan.Format, plan.TokenType);
            int count = (int)Math.Min(tokens.Length, plan.ShardTokens - writer.Count);
            writer.Write(tokens[..count]);
            Count += count;
            tokens = tokens[count..];
            if (writer.Count < plan.ShardTokens) continue;
            Finish();
            completed = true;
        }
        return completed;
    }

    /// <summary>Completes the last shard.</summary>
    public void Finish()
    {
        if (writer is null) return;
        writer.Complete();
        writer.Publish();
        shards.Add(new ShardFile(NextName, writer.Count, writer.Sha256));
        writer.Dispose();
        writer = null;
    }

    public void Dispose() => writer?.Dispose();

    string NextName => plan.ShardName(split, shards.Count + (split == Split.Train ? 1 : 0));
}
