using System.Text.RegularExpressions;

namespace NanoGpt.Data;

/// <summary>The data sets this program can prepare.</summary>
public static class Datasets
{
    /// <summary>The recipes, the default first.</summary>
    public static IReadOnlyList<DatasetRecipe> Known =>
    [
        new DotnetDocsChar(), new ShakespeareChar(), new TextChar(), new Shakespeare(),
        new DocumentDatasetRecipe("text", "your own UTF-8 files, one document each; --input files, folders, globs") { Kind = DocumentKind.Text, ValFraction = 0.1 },
        new DocumentDatasetRecipe("jsonl", "your own JSON lines, plain or .gz or .zst; --input, --column=text") { Kind = DocumentKind.JsonLines, ValFraction = 0.01 },
        new DocumentDatasetRecipe("parquet", "your own Parquet files; --input, --column=text") { Kind = DocumentKind.Parquet, ValFraction = 0.01 },
        new DocumentDatasetRecipe("openwebtext", "OpenWebText, 9B tokens: downloads 25 GB, or --input") { ValFraction = 0.0005, Source = options => Hub("Skylion007/openwebtext", "", "(^|/)train-[0-9]+-of-[0-9]+\\.parquet$", options) },
        new DocumentDatasetRecipe("fineweb", "FineWeb, --sample=10BT tokens of it: downloads 30 GB, or --input") { Format = ShardFormat.LlmC, Source = options => Hub("HuggingFaceFW/fineweb", $"sample/{options.Sample}", "\\.parquet$", options) },
        new DocumentDatasetRecipe("fineweb_edu", "FineWeb-Edu, --sample=10BT tokens of it: downloads 28 GB, or --input") { Format = ShardFormat.LlmC, Source = options => Hub("HuggingFaceFW/fineweb-edu", $"sample/{options.Sample}", "\\.parquet$", options) },
        new FinewebTokens(),
    ];

    static HubFolder Hub(string repository, string folder, string pattern, PrepareOptions options) =>
        new(HubRepository.Dataset(repository), folder, new Regex(pattern, RegexOptions.CultureInvariant), options.Mirror);

    /// <summary>The recipe of a name.</summary>
    /// <exception cref="ArgumentException">There is none; the message names the nearest and all others.</exception>
    public static DatasetRecipe Find(string name) =>
        Known.FirstOrDefault(recipe => recipe.Name == name)
        ?? throw new ArgumentException($"There is no data set '{name}'; did you mean '{Nearest.Name(name, Known.Select(recipe => recipe.Name))}'? " +
            $"Known are {string.Join(", ", Known.Select(recipe => recipe.Name))}.");

    /// <summary>Makes a data set: token files and <c>meta.json</c>, all of them or none.</summary>
    /// <param name="name">A known name.</param>
    /// <param name="options">What to make it of, and how.</param>
    /// <param name="directory">Where it goes; created if need be. What was prepared there before is replaced at the very end.</param>
    /// <param name="progress">Hears how far it is.</param>
    /// <param name="cancellation">Stops it; nothing is left but a finished download.</param>
    /// <exception cref="ArgumentException">The name or the inputs are not what they should be.</exception>
    /// <exception cref="IOException">A source cannot be found, read or downloaded, or the directory cannot be written.</exception>
    /// <exception cref="InvalidDataException">A source holds no usable text.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static PreparedDataset Prepare(string name, PrepareOptions options, string directory,
        IProgress<PrepareProgress>? progress = null, CancellationToken cancellation = default) => Find(name).Prepare(options, directory, progress, cancellation);

    /// <summary>Makes a data set of some files and folders, everything else being as usual.</summary>
    public static PreparedDataset Prepare(string name, IReadOnlyList<string> inputs, string directory,
        IProgress<PrepareProgress>? progress = null, CancellationToken cancellation = default) =>
        Prepare(name, new PrepareOptions { Inputs = inputs }, directory, progress, cancellation);

    /// <summary>Whether a directory holds a data set, by this program or by nanoGPT. Preparation that was interrupted at any moment leaves none.</summary>
    public static bool IsPrepared(string directory)
    {
        DatasetMeta? meta = DatasetMeta.In(directory);
        if (meta is null && Directory.Exists(Path.Combine(directory, CorpusWriter.Unfinished))) return false;
        return new[] { Split.Train, Split.Val }.All(split => ShardFiles.In(directory, split, meta) is { Count: > 0 } files && files.All(File.Exists));
    }
}
