namespace NanoGpt.Data;

/// <summary>Which files hold the tokens: those that <c>meta.json</c> lists, or those whose names say so, in the order of their names.</summary>
public static class ShardFiles
{
    /// <summary>
    /// The files of a split in a directory: the shards that <c>meta.json</c> lists; without a list <c>train.bin</c>
    /// (<c>val.bin</c>); without that file <c>*train_*.bin</c> and <c>*train_*.npy</c>, as llm.c and build-nanogpt name them.
    /// </summary>
    /// <returns>None where the directory has no such files.</returns>
    public static IReadOnlyList<string> In(string directory, Split split, DatasetMeta? meta = null)
    {
        string name = split == Split.Train ? "train" : "val";
        if (meta?.Shards(split) is { } listed) return [.. listed.Select(shard => Path.Combine(directory, shard.Name))];
        string single = Path.Combine(directory, name + ".bin");
        if (File.Exists(single)) return [single];
        return Directory.Exists(directory) ? Sorted(Directory.EnumerateFiles(directory, $"*{name}_*").Where(IsTokenFile)) : [];
    }

    /// <summary>The files that a path means: a file, the token files of a directory, or a pattern whose last part has <c>*</c> or <c>?</c>.</summary>
    /// <exception cref="FileNotFoundException">There are none.</exception>
    public static IReadOnlyList<string> Matching(string path)
    {
        if (File.Exists(path)) return [path];
        if (Directory.Exists(path))
            return Sorted(Directory.EnumerateFiles(path).Where(IsTokenFile)) is { Count: > 0 } found ? found
                : throw new FileNotFoundException($"There are no token files (.bin, .npy) in '{path}'.", path);
        string folder = Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".", pattern = Path.GetFileName(path);
        if (!pattern.AsSpan().ContainsAny('*', '?')) throw new FileNotFoundException($"There is no token file '{path}'.", path);
        if (!Directory.Exists(folder)) throw new FileNotFoundException($"There is no folder '{folder}' for '{path}'; only the last part of a pattern may have * or ?.", path);
        return Sorted(Directory.EnumerateFiles(folder, pattern)) is { Count: > 0 } matching ? matching
            : throw new FileNotFoundException($"No file matches '{path}'; check the pattern, and quote it so that the shell leaves it alone.", path);
    }

    static bool IsTokenFile(string path) => Path.GetExtension(path) is ".bin" or ".npy";

    static List<string> Sorted(IEnumerable<string> paths) => [.. paths.Order(StringComparer.Ordinal)];
}
