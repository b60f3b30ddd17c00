using System.Text.RegularExpressions;

namespace NanoGpt.Data;

/// <summary>FineWeb as tokens already, the shards that the modded-nanogpt speedrun trains on: nothing is encoded here, only fetched and checked.</summary>
internal sealed partial class FinewebTokens : DatasetRecipe
{
    const string Train = "fineweb_train_", Val = "fineweb_val_";

    public override string Name => "fineweb_tokens";

    public override string Description => "FineWeb 10B in GPT-2's tokens already, the speedrun's shards; --files=N of 103";

    public override bool IsSmall => false;

    public override IReadOnlyList<string> Options => ["--files", "--mirror"];

    internal override PreparedDataset Prepare(PrepareOptions options, string directory, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        options.Validate();
        Tokenizer tokenizer = Tokenizers.Open("gpt2");
        IReadOnlyList<string> paths = options.Inputs.Count > 0
            ? DocumentFiles.Find(options.Inputs, path => Shard().IsMatch(path))
            : [.. Source(Val, options).Fetch(directory, null, options.Announce, progress, cancellation),
               .. Source(Train, options).Fetch(directory, options.Files, options.Announce, progress, cancellation)];
        Directory.CreateDirectory(directory);
        ShardFile[] train = Check(paths, Train, tokenizer, directory, cancellation), val = Check(paths, Val, tokenizer, directory, cancellation);
        if (train.Length == 0 || val.Length == 0) throw new InvalidDataException($"{Name} needs shards named {Train}…bin and {Val}…bin, and there are {train.Length} and {val.Length}.");
        var meta = DatasetMeta.Of(Name, tokenizer, train, val, sources: []);
        using AtomicFile file = meta.Write(directory);
        file.Publish();
        return new PreparedDataset(directory, meta, []);
    }

    static HubFolder Source(string prefix, PrepareOptions options) =>
        new(HubRepository.Dataset("kjj0/fineweb10B-gpt2"), "", new Regex($"^{prefix}[0-9]+\\.bin$", RegexOptions.CultureInvariant), options.Mirror);

    static ShardFile[] Check(IEnumerable<string> paths, string prefix, Tokenizer tokenizer, string directory, CancellationToken cancellation)
    {
        var shards = new List<ShardFile>();
        foreach (string path in paths.Where(path => Path.GetFileName(path).StartsWith(prefix, StringComparison.Ordinal)))
        {
            cancellation.ThrowIfCancellationRequested();
            using var shard = TokenShard.Open(path);
            shard.Validate(tokenizer.VocabSize);
            string name = Path.GetRelativePath(directory, path);
            using FileStream stream = File.OpenRead(path);
            shards.Add(new ShardFile(name, shard.Count, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(stream))));
        }
        return [.. shards.OrderBy(shard => shard.Name, StringComparer.Ordinal)];
    }

    [GeneratedRegex("fineweb_(train|val)_[0-9]+\\.bin$", RegexOptions.CultureInvariant)]
    private static partial Regex Shard();
}
