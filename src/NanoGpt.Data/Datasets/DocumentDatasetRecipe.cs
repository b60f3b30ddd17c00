namespace NanoGpt.Data;

/// <summary>A data set of documents, encoded into shards: the files that the user names, or those of a public address.</summary>
/// <param name="name">The name on the command line.</param>
/// <param name="description">What it is, in one line.</param>
internal sealed class DocumentDatasetRecipe(string name, string description) : DatasetRecipe
{
    /// <summary>Below so many shards, the first of them is no part to keep for validation.</summary>
    const int LeastShards = 2;

    public override string Name => name;

    public override string Description => description;

    public override bool IsSmall => false;

    public override bool HasSource => Source is not null;

    public override IReadOnlyList<string> Options =>
        ["--column", "--tokenizer", "--format", "--shard_tokens", "--threads", "--val_docs", "--val_fraction", "--seed", .. Source is null ? [] : (string[])["--sample", "--files", "--mirror"]];

    /// <summary>What every file holds whatever its name, or null where the names tell.</summary>
    public DocumentKind? Kind { get; init; }

    /// <summary>Where it is from when no input is named; null: an input has to be.</summary>
    public Func<PrepareOptions, HubFolder>? Source { get; init; }

    public ShardFormat Format { get; init; } = ShardFormat.NanoGpt;

    /// <summary>The part that is for validation; null: the first shard.</summary>
    public double? ValFraction { get; init; }

    internal override PreparedDataset Prepare(PrepareOptions options, string directory, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        options.Validate();
        Tokenizer? named = options.Tokenizer == "char" ? null : Tokenizers.Open(options.Tokenizer);
        DocumentFile[] files = Open(Find(options, directory, progress, cancellation), options);
        var plan = new CorpusPlan
        {
            Dataset = name,
            Files = files,
            Tokenizer = named ?? CharVocabulary.Of(files, cancellation),
            Format = options.Format ?? Format,
            ShardTokens = options.ShardTokens == 0 ? long.MaxValue : options.ShardTokens,
            Split = Split(options),
            Threads = options.Threads == 0 ? Environment.ProcessorCount : options.Threads,
        };
        if (plan is { Format: not ShardFormat.Npy, TokenType: not TokenType.UInt16 })
            throw new ArgumentException($"The tokenizer has {plan.Tokenizer.VocabSize} tokens, and a .bin file holds ids below 65536; give --format=npy, which holds larger ones.");
        PrepareEstimate estimate = PrepareEstimate.Of(plan);
        var notes = new List<string>();
        if (plan.Split is ValSplit.FirstShard && estimate.Tokens < LeastShards * (double)plan.ShardTokens)
        {
            plan = plan with { Split = new ValSplit.Hashed(0.05, options.Seed) };
            notes.Add("the corpus is smaller than two shards, so a twentieth of the documents, not the first shard, is for validation (--val_fraction chooses).");
        }
        options.Announce?.Invoke($"it will be {estimate}");
        estimate.CheckSpace(directory);
        var writer = new CorpusWriter(plan, directory, report => progress?.Report(report), cancellation);
        DatasetMeta meta = writer.Write();
        return new PreparedDataset(directory, meta, [.. notes, .. writer.Notes]);
    }

    IReadOnlyList<string> Find(PrepareOptions options, string directory, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        if (options.Inputs.Count > 0) return DocumentFiles.Find(options.Inputs, path => Kind is null ? KindOf(path) is not null : DocumentFiles.KindOf(path) == Kind);
        if (Source is null) throw new ArgumentException($"{name} needs text: name files, folders or globs with --input.");
        return Source(options).Fetch(Path.Combine(directory, "download"), options.Files, options.Announce, progress, cancellation);
    }

    DocumentFile[] Open(IReadOnlyList<string> paths, PrepareOptions options)
    {
        long[] lengths = Split(options) is ValSplit.LastPart ? [.. paths.Select(ByteSource.LengthOf)] : [];
        long valFrom = Split(options) is ValSplit.LastPart last ? (long)(lengths.Sum() * (1 - last.Fraction)) : long.MaxValue;
        return [.. paths.Select((path, i) => DocumentFiles.Open(path, options.Column ?? "text",
            KindOf(path) ?? throw new ArgumentException($"'{path}' has no name that tells what it holds; {name} reads .jsonl, .jsonl.gz, .jsonl.zst and .parquet."),
            valFrom == long.MaxValue ? valFrom : Math.Max(0, valFrom - lengths[..i].Sum())))];
    }

    DocumentKind? KindOf(string path) => Kind ?? (DocumentFiles.KindOf(path) is { } kind and not DocumentKind.Text ? kind : null);

    ValSplit Split(PrepareOptions options)
    {
        if (options.ValDocs is long count) return new ValSplit.FirstDocuments(count);
        double? fraction = options.ValFraction ?? ValFraction;
        return fraction is not { } part ? new ValSplit.FirstShard() : Kind == DocumentKind.Text ? new ValSplit.LastPart(part) : new ValSplit.Hashed(part, options.Seed);
    }
}
