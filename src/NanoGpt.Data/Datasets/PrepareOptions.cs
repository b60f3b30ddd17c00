namespace NanoGpt.Data;

/// <summary>What the user asks of a preparation.</summary>
public sealed record PrepareOptions
{
    /// <summary>Files, folders and globs to make it of; none where the data set knows its source.</summary>
    public IReadOnlyList<string> Inputs { get; init; } = [];

    /// <summary>The column or member that holds the text; null: the data set's own.</summary>
    public string? Column { get; init; }

    /// <summary><c>gpt2</c>, <c>char</c> or the path of a tokenizer.</summary>
    public string Tokenizer { get; init; } = "gpt2";

    /// <summary>The format of the shards; null: the data set's own.</summary>
    public ShardFormat? Format { get; init; }

    /// <summary>Tokens of a shard; 0: all in one.</summary>
    public long ShardTokens { get; init; } = 100_000_000;

    /// <summary>Threads that encode; 0: every core.</summary>
    public int Threads { get; init; }

    /// <summary>So many documents from the start are for validation; null: another way.</summary>
    public long? ValDocs { get; init; }

    /// <summary>This part is for validation; null: the data set's own way.</summary>
    public double? ValFraction { get; init; }

    /// <summary>Chooses which documents <see cref="ValFraction"/> takes.</summary>
    public long Seed { get; init; } = 2357;

    /// <summary>Which sample of FineWeb: 10BT, 100BT, 350BT.</summary>
    public string Sample { get; init; } = "10BT";

    /// <summary>How many of the files that a data set offers are fetched; null: all.</summary>
    public int? Files { get; init; }

    /// <summary>Where to download from, in place of Hugging Face.</summary>
    public Uri? Mirror { get; init; }

    /// <summary>Hears what is about to happen: the estimate.</summary>
    public Action<string>? Announce { get; init; }

    internal void Validate()
    {
        if (ShardTokens < 0) throw new ArgumentException($"shard_tokens is {ShardTokens}, but must be at least 1, or 0 for one file.");
        if (ValDocs is < 1) throw new ArgumentException($"val_docs is {ValDocs}, but must be at least 1.");
        if (ValFraction is <= 0 or >= 1 or double.NaN) throw new ArgumentException($"val_fraction is {ValFraction}, but must lie between 0 and 1.");
        if (ValDocs is not null && ValFraction is not null) throw new ArgumentException("val_docs and val_fraction exclude each other; give one of them.");
        if (Files is < 1) throw new ArgumentException($"files is {Files}, but must be at least 1.");
    }
}
