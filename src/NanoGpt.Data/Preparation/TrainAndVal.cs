namespace NanoGpt.Data;

/// <summary>The two files of a small data set, <c>train.bin</c> and <c>val.bin</c>, on their way to their names.</summary>
internal sealed class TrainAndVal : IDisposable
{
    readonly string directory;

    /// <summary>Starts both.</summary>
    /// <param name="directory">Where they go; created if need be.</param>
    /// <exception cref="IOException">They cannot be created.</exception>
    public TrainAndVal(string directory)
    {
        this.directory = directory;
        Directory.CreateDirectory(directory);
        Train = new TokenShardWriter(TokenDataset.PathOf(directory, Split.Train));
        try
        {
            Val = new TokenShardWriter(TokenDataset.PathOf(directory, Split.Val));
        }
        catch
        {
            Train.Dispose();
            throw;
        }
    }

    public TokenShardWriter Train { get; }

    public TokenShardWriter Val { get; }

    /// <summary>
    /// Everything is complete on the disk before the first file gets its name, and <c>val.bin</c> gets its name last: without it no
    /// reader, nanoGPT included, takes the directory for a data set.
    /// </summary>
    public DatasetMeta Publish(string dataset, Tokenizer tokenizer, IReadOnlyList<SourceFile> sources, CancellationToken cancellation)
    {
        Train.Complete();
        Val.Complete();
        var meta = DatasetMeta.Of(dataset, tokenizer, [Shard(Train, Split.Train)], [Shard(Val, Split.Val)], sources);
        using AtomicFile metaFile = meta.Write(directory);
        cancellation.ThrowIfCancellationRequested();
        File.Delete(TokenDataset.PathOf(directory, Split.Val));
        tokenizer.SaveFiles(directory);
        Train.Publish();
        metaFile.Publish();
        Val.Publish();
        return meta;
    }

    public void Dispose()
    {
        Train.Dispose();
        Val.Dispose();
    }

    ShardFile Shard(TokenShardWriter shard, Split split) => new(Path.GetFileName(TokenDataset.PathOf(directory, split)), shard.Count, shard.Sha256);
}
