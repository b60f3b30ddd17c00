using System.Text.Json;
using System.Text.Json.Serialization;

namespace NanoGpt.Data;

/// <summary>
/// How far a preparation is, saved whenever a training shard is complete. A restart reads on from the piece in which that shard
/// ended.
/// </summary>
internal sealed record PrepareState
{
    public const string FileName = "prepare.json";

    /// <summary><see cref="CorpusPlan.Identity"/> of the preparation.</summary>
    public required string Identity { get; init; }

    /// <summary>The training shards that are complete.</summary>
    public required IReadOnlyList<ShardFile> Train { get; init; }

    /// <summary>The validation shards, where they were all written before the first for training; else none.</summary>
    public required IReadOnlyList<ShardFile> Val { get; init; }

    /// <summary>The piece in which the last shard ended.</summary>
    public required int File { get; init; }

    public required long Chunk { get; init; }

    /// <summary>How many training tokens of that piece are in the shards.</summary>
    public required int TokensTaken { get; init; }

    /// <summary>How many validation tokens of that piece are in <see cref="Val"/>.</summary>
    public required int ValTokensTaken { get; init; }

    /// <summary>The documents before that piece, and those of them without text.</summary>
    public required long Documents { get; init; }

    public required long Empty { get; init; }

    /// <summary>The state of a folder, or null where there is none that belongs to this preparation, with all its shards.</summary>
    public static PrepareState? Load(string folder, string identity)
    {
        string path = Path.Combine(folder, FileName);
        if (!System.IO.File.Exists(path)) return null;
        try
        {
            var state = JsonSerializer.Deserialize(System.IO.File.ReadAllBytes(path), PrepareStateJson.Default.PrepareState);
            return state?.Identity == identity && state.Train.Concat(state.Val).All(shard => System.IO.File.Exists(Path.Combine(folder, shard.Name))) ? state : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public void Save(string folder)
    {
        using var file = new AtomicFile(Path.Combine(folder, FileName));
        JsonSerializer.Serialize(file.Stream, this, PrepareStateJson.Default.PrepareState);
        file.Publish();
    }
}

[JsonSourceGenerationOptions(WriteIndented = true)]
[JsonSerializable(typeof(PrepareState))]
internal sealed partial class PrepareStateJson : JsonSerializerContext;
