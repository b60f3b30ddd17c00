namespace NanoGpt.Data;

/// <summary>Finds the files that inputs name, files, folders and globs, and opens them.</summary>
internal static class DocumentFiles
{
    static readonly string[] jsonLines = [".jsonl", ".ndjson", ".json"];
    static readonly string[] texts = [".txt", ".md", ".text"];

    /// <summary>What a file holds, by its name.</summary>
    public static DocumentKind? KindOf(string path)
    {
        string name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path.EndsWith(".zst", StringComparison.OrdinalIgnoreCase) ? path[..^4] : path;
        string extension = Path.GetExtension(name).ToLowerInvariant();
        return extension == ".parquet" ? DocumentKind.Parquet : jsonLines.Contains(extension) ? DocumentKind.JsonLines : texts.Contains(extension) ? DocumentKind.Text : null;
    }

    /// <summary>The files, those of a folder or glob in ordinal order.</summary>
    /// <param name="inputs">Files; folders, with all below them; globs, with <c>*</c> and <c>?</c> in the last part.</param>
    /// <param name="wanted">Which files of a folder to take, by their names.</param>
    /// <exception cref="FileNotFoundException">An input does not exist, or a folder or glob gives no file.</exception>
    public static IReadOnlyList<string> Find(IReadOnlyList<string> inputs, Func<string, bool> wanted)
    {
        var files = new List<string>();
        foreach (string input in inputs)
        {
            if (File.Exists(input)) files.Add(input);
            else if (Directory.Exists(input)) files.AddRange(InFolder(input, "*", recurse: true, wanted));
            else if (Path.GetFileName(input).AsSpan().ContainsAny('*', '?'))
            {
                string folder = Path.GetDirectoryName(input) is { Length: > 0 } named ? named : ".";
                if (!Directory.Exists(folder)) throw new FileNotFoundException($"There is no folder '{folder}'; check the path given with --input.", input);
                files.AddRange(InFolder(folder, Path.GetFileName(input), recurse: false, _ => true));
            }
            else throw new FileNotFoundException($"There is no file or folder '{input}'; check the path given with --input.", input);
        }
        return files;
    }

    /// <summary>Opens a file by what its name says of it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="column">The member or column that is the text.</param>
    /// <exception cref="ArgumentException">The name does not tell.</exception>
    public static DocumentFile Open(string path, string column) => Open(path, column,
        KindOf(path) ?? throw new ArgumentException($"'{path}' has no name that tells what it holds; give .txt, .md, .jsonl, .jsonl.gz, .jsonl.zst or .parquet."));

    /// <summary>Opens a file whose content is known.</summary>
    /// <param name="path">The file.</param>
    /// <param name="column">The member or column that is the text.</param>
    /// <param name="kind">What it holds.</param>
    /// <param name="valFrom">The byte of a text, unpacked, from which on it is for validation.</param>
    /// <exception cref="ArgumentException">It is packed in a way that is not read.</exception>
    public static DocumentFile Open(string path, string column, DocumentKind kind, long valFrom = long.MaxValue)
    {
        bool zstd = path.EndsWith(".zst", StringComparison.OrdinalIgnoreCase);
        return kind switch
        {
            DocumentKind.Parquet => new ParquetFile(path, column),
            DocumentKind.JsonLines when zstd => new ZstdLinesFile(path, column),
            DocumentKind.JsonLines => new JsonLinesFile(path, column),
            _ when zstd => throw new ArgumentException($"'{path}': a text packed with zstd is not read; unpack it with 'zstd -d' first."),
            _ => new TextFile(path, valFrom),
        };
    }

    static List<string> InFolder(string folder, string pattern, bool recurse, Func<string, bool> wanted)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = recurse, IgnoreInaccessible = false }; // skips hidden files
        List<string> found = [.. Directory.EnumerateFiles(folder, pattern, options).Where(wanted).Order(StringComparer.Ordinal)];
        return found.Count > 0 ? found : throw new FileNotFoundException($"'{(pattern == "*" ? folder : Path.Combine(folder, pattern))}' gives no file that can be read here; name files with --input.");
    }
}

/// <summary>What a file of documents holds.</summary>
internal enum DocumentKind
{
    /// <summary>One document, as it is.</summary>
    Text,

    /// <summary>An object a line.</summary>
    JsonLines,

    /// <summary>A document a row.</summary>
    Parquet,
}
