namespace NanoGpt.Training;

/// <summary>
/// Where Hugging Face's own programs keep what they have downloaded:
/// <code>
/// models--OWNER--NAME/refs/main                  the commit that main was
/// models--OWNER--NAME/snapshots/COMMIT/…         its files
/// </code>
/// </summary>
/// <remarks>https://huggingface.co/docs/huggingface_hub/guides/manage-cache</remarks>
internal static class HuggingFaceCache
{
    /// <summary>The folder of a repository's main commit; null where it is not in the cache.</summary>
    /// <param name="repository"><c>owner/name</c>, or <c>name</c> alone.</param>
    /// <param name="variable">The environment: a variable's value, or null.</param>
    public static string? Find(string repository, Func<string, string?> variable)
    {
        string folder = Path.Combine(Root(variable), $"models--{repository.Replace("/", "--", StringComparison.Ordinal)}"), main = Path.Combine(folder, "refs", "main");
        if (!File.Exists(main)) return null;
        string snapshot = Path.Combine(folder, "snapshots", File.ReadAllText(main).Trim());
        return Directory.Exists(snapshot) ? snapshot : null;
    }

    static string Root(Func<string, string?> variable)
    {
        foreach (string name in (string[])["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"])
            if (variable(name) is { Length: > 0 } hub) return hub;
        if (variable("HF_HOME") is { Length: > 0 } home) return Path.Combine(home, "hub");
        string cache = variable("XDG_CACHE_HOME") is { Length: > 0 } xdg ? xdg : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(cache, "huggingface", "hub");
    }
}
