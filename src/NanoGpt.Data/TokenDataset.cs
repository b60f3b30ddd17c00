namespace NanoGpt.Data;

/// <summary>
/// A prepared data set: a directory with <c>train.bin</c> and <c>val.bin</c>, and a <c>meta.json</c> that says what the
/// tokens mean. A directory that nanoGPT made has no <c>meta.json</c>; it opens too, but its tokens have no text.
/// </summary>
public sealed class TokenDataset : IDisposable
{
    readonly TokenShard train, val;

    TokenDataset(string directory, TokenShard train, TokenShard val, DatasetMeta? meta, Tokenizer? tokenizer) =>
        (Directory, this.train, this.val, Meta, Tokenizer) = (directory, train, val, meta, tokenizer);

    /// <summary>Opens a directory and checks it: lengths against <c>meta.json</c>, every token against the vocabulary.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such directory.</exception>
    /// <exception cref="FileNotFoundException"><c>train.bin</c> or <c>val.bin</c> is missing.</exception>
    /// <exception cref="InvalidDataException">A file is empty, cut off or damaged, or does not belong to the others.</exception>
    public static TokenDataset Open(string directory)
    {
        if (!System.IO.Directory.Exists(directory))
            throw new DirectoryNotFoundException($"There is no data directory '{directory}'; prepare the data set first (nanogpt prepare).");
        string metaPath = Path.Combine(directory, DatasetMeta.FileName);
        DatasetMeta? meta = File.Exists(metaPath) ? DatasetMeta.Load(metaPath) : null;
        Tokenizer? tokenizer = meta?.CreateTokenizer(metaPath);
        var train = TokenShard.Open(PathOf(directory, Split.Train));
        TokenShard? val = null;
        try
        {
            val = TokenShard.Open(PathOf(directory, Split.Val));
            var dataset = new TokenDataset(directory, train, val, meta, tokenizer);
            if (meta is not null)
            {
                CheckCount(train, meta.TrainTokens);
                CheckCount(val, meta.ValTokens);
                dataset.Validate(meta.VocabSize);
            }
            return dataset;
        }
        catch
        {
            train.Dispose();
            val?.Dispose();
            throw;
        }
    }

    /// <summary>Where the data set lies.</summary>
    public string Directory { get; }

    /// <summary>What <c>meta.json</c> says, or null where there is none.</summary>
    public DatasetMeta? Meta { get; }

    /// <summary>The tokenizer of the data, or null where there is no <c>meta.json</c>.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>The number of tokens in the vocabulary, or null where there is no <c>meta.json</c>.</summary>
    public int? VocabSize => Meta?.VocabSize;

    /// <summary>The tokens of a split.</summary>
    public TokenShard this[Split split] => split == Split.Train ? train : val;

    /// <summary>Checks that every token is below the vocabulary size of a model.</summary>
    /// <exception cref="InvalidDataException">A token is not; the message names the file, the position and the token.</exception>
    public void Validate(int vocabSize)
    {
        train.Validate(vocabSize);
        val.Validate(vocabSize);
    }

    /// <summary>Checks that both splits are long enough for windows of this many tokens.</summary>
    /// <exception cref="ArgumentException">One is not; the message names it, both sizes and the way out.</exception>
    public void CheckBlockSize(int blockSize)
    {
        CheckBlockSize(train, blockSize);
        CheckBlockSize(val, blockSize);
    }

    /// <summary>
    /// Fills a batch of random windows: inputs <paramref name="x"/> (B, T) and targets <paramref name="y"/> (B, T), the
    /// same windows one token later. The same key gives the same batch, whatever was drawn before.
    /// </summary>
    /// <exception cref="ArgumentException">The split is shorter than a window, or a span is not B·T long.</exception>
    public void Fill(in BatchKey key, int batchSize, int blockSize, Span<int> x, Span<int> y)
    {
        TokenShard shard = this[key.Split];
        CheckBatch(shard, batchSize, blockSize, x, y);
        for (int row = 0; row < batchSize; row++)
            ReadWindow(shard, BatchSampler.Offset(key, row, shard.Count, blockSize), row, blockSize, x, y);
    }

    /// <summary>
    /// Fills batch <paramref name="batch"/> of <paramref name="batches"/> that lie evenly over a split. An evaluation over all
    /// of them is the same every time and sees every part of the text, so it needs fewer tokens than random windows do.
    /// </summary>
    /// <exception cref="ArgumentException">The split is shorter than a window, or a span is not B·T long.</exception>
    public void FillEvenly(Split split, int batch, int batches, int batchSize, int blockSize, Span<int> x, Span<int> y)
    {
        TokenShard shard = this[split];
        CheckBatch(shard, batchSize, blockSize, x, y);
        for (int row = 0; row < batchSize; row++)
            ReadWindow(shard, BatchSampler.EvenOffset((long)batch * batchSize + row, (long)batches * batchSize, shard.Count, blockSize), row, blockSize, x, y);
    }

    static void ReadWindow(TokenShard shard, long offset, int row, int blockSize, Span<int> x, Span<int> y)
    {
        shard.Read(offset, x.Slice(row * blockSize, blockSize));
        shard.Read(offset + 1, y.Slice(row * blockSize, blockSize));
    }

    static void CheckBatch(TokenShard shard, int batchSize, int blockSize, ReadOnlySpan<int> x, ReadOnlySpan<int> y)
    {
        CheckBlockSize(shard, blockSize);
        if (x.Length != batchSize * blockSize || y.Length != x.Length)
            throw new ArgumentException($"A batch of {batchSize} x {blockSize} does not fit spans of {x.Length} and {y.Length} tokens.");
    }

    /// <summary>Closes both files.</summary>
    public void Dispose()
    {
        train.Dispose();
        val.Dispose();
    }

    internal static string PathOf(string directory, Split split) => Path.Combine(directory, split == Split.Train ? "train.bin" : "val.bin");

    static void CheckCount(TokenShard shard, long expected)
    {
        if (shard.Count != expected)
            throw new InvalidDataException($"'{shard.Path}' holds {shard.Count} tokens, but {DatasetMeta.FileName} beside it says {expected}; the file is cut off or was replaced: prepare the data set again.");
    }

    static void CheckBlockSize(TokenShard shard, int blockSize)
    {
        if (blockSize < 1) throw new ArgumentException($"block_size is {blockSize}, but must be at least 1.");
        if (blockSize >= shard.Count)
            throw new ArgumentException($"block_size {blockSize} needs {blockSize + 1L} tokens, but '{shard.Path}' holds only {shard.Count}; " +
                (shard.Count > 1 ? $"use --block_size={shard.Count - 1} or less, or " : "") + "prepare more text.");
    }
}
