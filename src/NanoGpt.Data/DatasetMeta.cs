using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NanoGpt.Data;

/// <summary>A file, an address or a part of the SDK that a data set was made from.</summary>
/// <param name="Name">Its name, as the user gave it.</param>
/// <param name="Bytes">Its length in bytes.</param>
/// <param name="Sha256">The SHA-256 of its bytes, in hexadecimal.</param>
public sealed record SourceFile(string Name, long Bytes, string Sha256);

/// <summary>A file of tokens.</summary>
/// <param name="Name">Its name in the directory of the data set.</param>
/// <param name="Tokens">How many tokens it holds.</param>
/// <param name="Sha256">The SHA-256 of the file, in hexadecimal.</param>
public sealed record ShardFile(string Name, long Tokens, string Sha256);

/// <summary>What <c>meta.json</c> says of a prepared data set.</summary>
public sealed record DatasetMeta
{
    /// <summary>The version of this format.</summary>
    public const int CurrentVersion = 1;

    /// <summary>The name of the file in the directory of the data set.</summary>
    public const string FileName = "meta.json";

    /// <summary>The version of the format the file was written in.</summary>
    public required int FormatVersion { get; init; }

    /// <summary>The name of the data set.</summary>
    public required string Dataset { get; init; }

    /// <summary>The kind of tokenizer: <c>char</c>, <c>gpt2</c>, or <c>bpe</c>, whose <c>tokenizer.json</c> lies beside.</summary>
    public required string Tokenizer { get; init; }

    /// <summary>The number of tokens in the vocabulary.</summary>
    public required int VocabSize { get; init; }

    /// <summary><see cref="NanoGpt.Data.Tokenizer.Hash"/>.</summary>
    public required string TokenizerSha256 { get; init; }

    /// <summary>The number of tokens for training.</summary>
    public required long TrainTokens { get; init; }

    /// <summary>The number of tokens for validation.</summary>
    public required long ValTokens { get; init; }

    /// <summary>The SHA-256 of <c>train.bin</c>, in hexadecimal; null where there are shards of other names.</summary>
    public string? TrainSha256 { get; init; }

    /// <summary>The SHA-256 of <c>val.bin</c>, in hexadecimal; null where there are shards of other names.</summary>
    public string? ValSha256 { get; init; }

    /// <summary>The files with the tokens for training, in their order; null means <c>train.bin</c> alone.</summary>
    public IReadOnlyList<ShardFile>? TrainShards { get; init; }

    /// <summary>The files with the tokens for validation, in their order; null means <c>val.bin</c> alone.</summary>
    public IReadOnlyList<ShardFile>? ValShards { get; init; }

    /// <summary>How many documents it was made of, where they are known.</summary>
    public long? Documents { get; init; }

    /// <summary>The characters in the order of their ids; empty for tokenizers other than <c>char</c>.</summary>
    public required IReadOnlyList<string> Vocabulary { get; init; }

    /// <summary>What the data set was made from.</summary>
    public required IReadOnlyList<SourceFile> Sources { get; init; }

    /// <summary>The files of a split, in their order; null where the file names none.</summary>
    public IReadOnlyList<ShardFile>? Shards(Split split) => split == Split.Train
        ? TrainShards ?? (TrainSha256 is null ? null : [new("train.bin", TrainTokens, TrainSha256)])
        : ValShards ?? (ValSha256 is null ? null : [new("val.bin", ValTokens, ValSha256)]);

    /// <summary>The tokenizer, in a form that differs where ids do: name and hash.</summary>
    [JsonIgnore]
    public string TokenizerIdentity => $"{Tokenizer}:{TokenizerSha256}";

    /// <summary>The <c>meta.json</c> of a directory; null where it has none.</summary>
    /// <exception cref="InvalidDataException">It is damaged, incomplete or of a later version.</exception>
    public static DatasetMeta? In(string directory) =>
        Path.Combine(directory, FileName) is var path && File.Exists(path) ? Load(path) : null;

    /// <summary>Reads a <c>meta.json</c>.</summary>
    /// <exception cref="InvalidDataException">It is damaged, incomplete or of a later version.</exception>
    public static DatasetMeta Load(string path)
    {
        try
        {
            var meta = JsonSerializer.Deserialize(File.ReadAllBytes(path), MetaJson.Instance.DatasetMeta)
                ?? throw new JsonException("it holds null");
            if (meta.FormatVersion != CurrentVersion)
                throw new InvalidDataException($"'{path}' has format version {meta.FormatVersion}, but this program reads version {CurrentVersion}; prepare the data set again.");
            if ((meta.TrainShards ?? []).Concat(meta.ValShards ?? []).Any(shard => shard is not { Name: not null, Tokens: >= 0 and < 1L << 50 })) throw new JsonException("it names a shard that cannot be");
            if (meta.Shards(Split.Train)?.Sum(shard => shard.Tokens) is { } train && train != meta.TrainTokens || meta.Shards(Split.Val)?.Sum(shard => shard.Tokens) is { } val && val != meta.ValTokens)
                throw new JsonException("its shards have another number of tokens than it says");
            return meta;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"'{path}' is damaged ({e.Message.TrimEnd('.')}); prepare the data set again.", e);
        }
    }

    /// <summary>The tokenizer that the file describes.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="InvalidDataException">The kind is unknown, or the vocabulary does not match its size and hash.</exception>
    public Tokenizer CreateTokenizer(string path)
    {
        NanoGpt.Data.Tokenizer tokenizer = Tokenizer switch
        {
            "char" => CharacterTokenizer(path),
            "gpt2" => BpeTokenizer.Gpt2,
            "bpe" => TokenizerBeside(path),
            _ => throw new InvalidDataException($"'{path}' names the tokenizer '{Tokenizer}', but this program knows only 'char', 'gpt2' and 'bpe'; prepare the data set again."),
        };
        return tokenizer.VocabSize == VocabSize && tokenizer.Hash == TokenizerSha256
            ? tokenizer
            : throw new InvalidDataException($"'{path}' is damaged: the vocabulary does not match its size and hash; prepare the data set again.");
    }

    static BpeTokenizer TokenizerBeside(string path)
    {
        string file = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, TokenizerJson.FileName);
        return File.Exists(file) ? TokenizerJson.Load(file)
            : throw new InvalidDataException($"'{path}' names a tokenizer of one's own, but there is no '{file}'; put the {TokenizerJson.FileName} it was prepared with there, or prepare the data set again.");
    }

    CharTokenizer CharacterTokenizer(string path)
    {
        try
        {
            return new CharTokenizer(Vocabulary);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"'{path}' is damaged ({e.Message.TrimEnd('.')}); prepare the data set again.", e);
        }
    }

    /// <summary>What there is to say of shards of a tokenizer's tokens.</summary>
    internal static DatasetMeta Of(string dataset, Tokenizer tokenizer, IReadOnlyList<ShardFile> train, IReadOnlyList<ShardFile> val, IReadOnlyList<SourceFile> sources) => new()
    {
        FormatVersion = CurrentVersion,
        Dataset = dataset,
        Tokenizer = tokenizer.Name,
        VocabSize = tokenizer.VocabSize,
        TokenizerSha256 = tokenizer.Hash,
        TrainTokens = train.Sum(shard => shard.Tokens),
        ValTokens = val.Sum(shard => shard.Tokens),
        TrainSha256 = train is [{ Name: "train.bin" } onlyTrain] ? onlyTrain.Sha256 : null,
        ValSha256 = val is [{ Name: "val.bin" } onlyVal] ? onlyVal.Sha256 : null,
        TrainShards = train,
        ValShards = val,
        Vocabulary = tokenizer is CharTokenizer characters ? [.. characters.Vocabulary] : [],
        Sources = sources,
    };

    /// <summary>Puts it on the disk of a directory, complete; what is left to do is to publish it.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    internal AtomicFile Write(string directory)
    {
        var file = new AtomicFile(Path.Combine(directory, FileName));
        try
        {
            JsonSerializer.Serialize(file.Stream, this, MetaJson.Instance.DatasetMeta);
            file.Complete();
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}

[JsonSourceGenerationOptions]
[JsonSerializable(typeof(DatasetMeta))]
internal sealed partial class MetaJson : JsonSerializerContext
{
    /// <summary>Names as Python spells them, and characters as themselves: the vocabulary is there to be read.</summary>
    public static readonly MetaJson Instance = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectNullableAnnotations = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        WriteIndented = true,
    });
}
