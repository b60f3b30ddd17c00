using System.Security.Cryptography;
using System.Text;

namespace NanoGpt.Data;

/// <summary>
/// A prepared data set: token files for training and validation, and a <c>meta.json</c> beside them that says what the
/// tokens mean. Files that nanoGPT, llm.c or build-nanogpt made have no <c>meta.json</c>; they open too, but their tokens have no text.
/// </summary>
public sealed class TokenDataset : IDisposable
{
    /// <summary>Up to so many bytes every token is checked when the data set is opened; in larger ones each window is, when it is read.</summary>
    const long CheckedAtOnce = 1L << 30;

    const int Gpt2EndOfText = 50256;

    readonly TokenSequence train, val;
    readonly Dictionary<(DataOrder, Split, int), EpochOrder> orders = [];

    TokenDataset(string directory, TokenSequence train, TokenSequence val, DatasetMeta? meta, Tokenizer? tokenizer) =>
        (Directory, this.train, this.val, Meta, Tokenizer) = (directory, train, val, meta, tokenizer);

    /// <summary>Opens a directory: see <see cref="ShardFiles.In"/> for the files that are taken.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such directory.</exception>
    /// <exception cref="FileNotFoundException">The files of a split are missing.</exception>
    /// <exception cref="InvalidDataException">A file is empty, cut off or damaged, or does not belong to the others.</exception>
    public static TokenDataset Open(string directory)
    {
        if (!System.IO.Directory.Exists(directory))
            throw new DirectoryNotFoundException($"There is no data directory '{directory}'; prepare the data set first (nanogpt prepare).");
        DatasetMeta? meta = DatasetMeta.In(directory);
        return Open(directory, Files(Split.Train), Files(Split.Val), meta);

        IReadOnlyList<string> Files(Split split) => ShardFiles.In(directory, split, meta) is { Count: > 0 } found ? found
            : throw new FileNotFoundException($"There is no token file '{PathOf(directory, split)}' and no '*{(split == Split.Train ? "train" : "val")}_*.bin' or .npy beside it; prepare the data set first (nanogpt prepare).");
    }

    /// <summary>Opens the files that two patterns name: see <see cref="ShardFiles.Matching"/>. A <c>meta.json</c> is looked for beside the first.</summary>
    /// <exception cref="FileNotFoundException">A pattern matches no file.</exception>
    /// <exception cref="InvalidDataException">A file is empty, cut off or damaged, or does not belong to the others.</exception>
    public static TokenDataset Open(string trainFiles, string valFiles)
    {
        IReadOnlyList<string> train = ShardFiles.Matching(trainFiles), val = ShardFiles.Matching(valFiles);
        string directory = Path.GetDirectoryName(train[0]) is { Length: > 0 } folder ? folder : ".";
        return Open(directory, train, val, DatasetMeta.In(directory));
    }

    static TokenDataset Open(string directory, IReadOnlyList<string> trainFiles, IReadOnlyList<string> valFiles, DatasetMeta? meta)
    {
        Tokenizer? tokenizer = meta?.CreateTokenizer(Path.Combine(directory, DatasetMeta.FileName));
        var train = TokenSequence.Open(trainFiles);
        TokenSequence? val = null;
        try
        {
            val = TokenSequence.Open(valFiles);
            var dataset = new TokenDataset(directory, train, val, meta, tokenizer);
            if (meta is null) return dataset;
            foreach (TokenShard shard in train.Shards.Concat(val.Shards)) CheckCount(shard, meta);
            dataset.Validate(meta.VocabSize);
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
    public TokenSequence this[Split split] => split == Split.Train ? train : val;

    /// <summary>
    /// What this data set is, in a form that changes when a file, the tokenizer or the order of loading does: hashes from <c>meta.json</c>
    /// where it lists the files, else <see cref="TokenSequence.Fingerprint"/>.
    /// </summary>
    public string Identity(DataOrder order) =>
        $"{Meta?.Dataset ?? "tokens"} {(Meta is null ? "" : Meta.TokenizerIdentity + " ")}train:{Hash(Split.Train)} val:{Hash(Split.Val)}" +
        (order == DataOrder.Random ? "" : $" order:{order.ToString().ToLowerInvariant()}");

    /// <summary>Checks that every token is below the vocabulary size of a model: at once, or, in more than a gigabyte of files, in each window as it is read.</summary>
    /// <exception cref="InvalidDataException">A token is not; the message names the file, the position and the token.</exception>
    public void Validate(int vocabSize)
    {
        train.VocabSize = val.VocabSize = vocabSize;
        if (train.Shards.Concat(val.Shards).Sum(shard => new FileInfo(shard.Path).Length) > CheckedAtOnce) return;
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
    /// Fills a batch: inputs <paramref name="x"/> (B, T) and targets <paramref name="y"/> (B, T), the same windows one token
    /// later. The same key gives the same batch, whatever was drawn before.
    /// </summary>
    /// <exception cref="ArgumentException">The split is shorter than a window, or a span is not B·T long.</exception>
    /// <exception cref="InvalidDataException">A token is outside the vocabulary, or no document is long enough to start a row.</exception>
    public void Fill(in BatchKey key, int batchSize, int blockSize, Span<int> x, Span<int> y, DataOrder order = DataOrder.Random)
    {
        TokenSequence tokens = this[key.Split];
        CheckBatch(tokens, batchSize, blockSize, x, y);
        for (int row = 0; row < batchSize; row++)
        {
            var window = order == DataOrder.Random
                ? tokens.Window(BatchSampler.Offset(key, row, tokens.Windows(blockSize) + blockSize, blockSize), blockSize)
                : Rows(order, key.Split, blockSize).Locate(key.Seed, ((long)key.Step * key.MicroBatches + key.MicroBatch) * batchSize + row);
            tokens.ReadWindow(window, x.Slice(row * blockSize, blockSize), y.Slice(row * blockSize, blockSize));
        }
    }

    /// <summary>
    /// Fills batch <paramref name="batch"/> of <paramref name="batches"/> that lie evenly over a split. An evaluation over all
    /// of them is the same every time and sees every part of the text, so it needs fewer tokens than random windows do.
    /// </summary>
    /// <exception cref="ArgumentException">The split is shorter than a window, or a span is not B·T long.</exception>
    /// <exception cref="InvalidDataException">A token is outside the vocabulary.</exception>
    public void FillEvenly(Split split, int batch, int batches, int batchSize, int blockSize, Span<int> x, Span<int> y)
    {
        TokenSequence tokens = this[split];
        CheckBatch(tokens, batchSize, blockSize, x, y);
        for (int row = 0; row < batchSize; row++)
        {
            long index = BatchSampler.EvenOffset((long)batch * batchSize + row, (long)batches * batchSize, tokens.Windows(blockSize) + blockSize, blockSize);
            tokens.ReadWindow(tokens.Window(index, blockSize), x.Slice(row * blockSize, blockSize), y.Slice(row * blockSize, blockSize));
        }
    }

    /// <summary>Closes all files.</summary>
    public void Dispose()
    {
        train.Dispose();
        val.Dispose();
    }

    internal static string PathOf(string directory, Split split) => Path.Combine(directory, split == Split.Train ? "train.bin" : "val.bin");

    EpochOrder Rows(DataOrder order, Split split, int blockSize)
    {
        if (orders.TryGetValue((order, split, blockSize), out EpochOrder? found)) return found;
        TokenSequence tokens = this[split];
        ShardRows rows = order == DataOrder.Document ? new DocumentRows(tokens, blockSize, EndOfText()) : new ConsecutiveRows(tokens, blockSize);
        return orders[(order, split, blockSize)] = new EpochOrder(tokens, split, rows);
    }

    /// <summary>The token between documents; GPT-2's where nothing says what the tokens mean.</summary>
    int EndOfText() => Tokenizer is null ? Gpt2EndOfText : Tokenizer.EndOfText
        ?? throw new InvalidDataException($"The tokenizer '{Tokenizer.Name}' of '{Directory}' has no end-of-text token, so no document can be found; use --data_order=sequential.");

    string Hash(Split split)
    {
        TokenSequence tokens = this[split];
        string?[] hashes = [.. tokens.Shards.Select(shard => Listed(shard, Meta)?.Sha256)];
        if (hashes.Contains(null)) return tokens.Fingerprint();
        return hashes.Length == 1 ? hashes[0]! : Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Join('\n', hashes))));
    }

    static ShardFile? Listed(TokenShard shard, DatasetMeta? meta) =>
        new[] { Split.Train, Split.Val }.SelectMany(split => meta?.Shards(split) ?? []).FirstOrDefault(listed => Path.GetFileName(listed.Name) == Path.GetFileName(shard.Path));

    static void CheckCount(TokenShard shard, DatasetMeta meta)
    {
        if (Listed(shard, meta) is { } listed && shard.Count != listed.Tokens)
            throw new InvalidDataException($"'{shard.Path}' holds {shard.Count} tokens, but {DatasetMeta.FileName} beside it says {listed.Tokens}; the file is cut off or was replaced: prepare the data set again.");
    }

    static void CheckBatch(TokenSequence tokens, int batchSize, int blockSize, ReadOnlySpan<int> x, ReadOnlySpan<int> y)
    {
        CheckBlockSize(tokens, blockSize);
        if (x.Length != batchSize * blockSize || y.Length != x.Length)
            throw new ArgumentException($"A batch of {batchSize} x {blockSize} does not fit spans of {x.Length} and {y.Length} tokens.");
    }

    static void CheckBlockSize(TokenSequence tokens, int blockSize)
    {
        if (blockSize < 1) throw new ArgumentException($"block_size is {blockSize}, but must be at least 1.");
        TokenShard longest = tokens.Shards.MaxBy(shard => shard.Count)!;
        if (blockSize >= longest.Count)
            throw new ArgumentException($"block_size {blockSize} needs {blockSize + 1L} tokens, but '{longest.Path}' holds only {longest.Count}; " +
                (longest.Count > 1 ? $"use --block_size={longest.Count - 1} or less, or " : "") + "prepare more text.");
    }
}
