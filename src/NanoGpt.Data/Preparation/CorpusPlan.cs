using System.Globalization;

namespace NanoGpt.Data;

/// <summary>Everything that decides which tokens a corpus becomes, and in which files.</summary>
internal sealed record CorpusPlan
{
    public required string Dataset { get; init; }

    public required IReadOnlyList<DocumentFile> Files { get; init; }

    public required Tokenizer Tokenizer { get; init; }

    public required ShardFormat Format { get; init; }

    /// <summary>How many tokens a shard has; the last one fewer.</summary>
    public required long ShardTokens { get; init; }

    public required ValSplit Split { get; init; }

    public required int Threads { get; init; }

    /// <summary>Whether the end-of-text token stands before each document, as llm.c and build-nanogpt have it, or behind, as nanoGPT.</summary>
    public bool EndOfTextFirst => Format != ShardFormat.NanoGpt;

    /// <summary>What a token is stored as: two bytes where the vocabulary fits them.</summary>
    public TokenType TokenType => Tokenizer.VocabSize <= ushort.MaxValue + 1 ? TokenType.UInt16 : TokenType.UInt32;

    public long Bytes => Files.Sum(file => file.Bytes);

    /// <summary>All of it as one string: a preparation goes on where another stopped only if theirs are the same.</summary>
    public string Identity => string.Join('\n',
    [
        string.Create(CultureInfo.InvariantCulture, $"{Dataset} {Tokenizer.Name} {Tokenizer.Hash} {Format} {ShardTokens} {Split}"),
        .. Files.Select(file => string.Create(CultureInfo.InvariantCulture, $"{Path.GetFullPath(file.Path)} {file.Column} {file.Bytes} {file.Changed:O}")),
    ]);

    /// <summary>The name of a shard, counted through: validation from 0, training from 1.</summary>
    public string ShardName(Split split, int number)
    {
        string name = $"{(split == NanoGpt.Data.Split.Train ? "train" : "val")}_{number.ToString("000000", CultureInfo.InvariantCulture)}";
        return Format switch
        {
            ShardFormat.NanoGpt => $"{name}.bin",
            ShardFormat.LlmC => $"{Dataset}_{name}.bin",
            _ => $"{Dataset}_{name}.npy",
        };
    }
}
