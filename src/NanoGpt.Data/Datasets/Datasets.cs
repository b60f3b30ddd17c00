namespace NanoGpt.Data;

/// <summary>The data sets this program can prepare.</summary>
public static class Datasets
{
    /// <summary>The recipes, the default first.</summary>
    public static IReadOnlyList<DatasetRecipe> Known => [new DotnetDocsChar(), new ShakespeareChar(), new TextChar()];

    /// <summary>The recipe of a name.</summary>
    /// <exception cref="ArgumentException">There is none; the message names the nearest and all others.</exception>
    public static DatasetRecipe Find(string name) =>
        Known.FirstOrDefault(recipe => recipe.Name == name)
        ?? throw new ArgumentException($"There is no data set '{name}'; did you mean '{Known.MinBy(recipe => EditDistance(name, recipe.Name))!.Name}'? " +
            $"Known are {string.Join(", ", Known.Select(recipe => recipe.Name))}.");

    /// <summary>Makes a data set: <c>train.bin</c>, <c>val.bin</c> and <c>meta.json</c>, all of them or none.</summary>
    /// <param name="name">A known name.</param>
    /// <param name="inputs">The files and folders to make it of; none where the data set knows its source.</param>
    /// <param name="directory">Where it goes; created if need be. What was prepared there before is replaced at the very end.</param>
    /// <param name="progress">Hears how far it is.</param>
    /// <param name="cancellation">Stops it; nothing is left but a finished download.</param>
    /// <exception cref="ArgumentException">The name or the inputs are not what they should be.</exception>
    /// <exception cref="IOException">A source cannot be found, read or downloaded, or the directory cannot be written.</exception>
    /// <exception cref="InvalidDataException">A source holds no usable text.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static PreparedDataset Prepare(string name, IReadOnlyList<string> inputs, string directory,
        IProgress<PrepareProgress>? progress = null, CancellationToken cancellation = default)
    {
        DatasetRecipe recipe = Find(name);
        TextCorpus corpus = recipe.Gather(inputs, directory, progress, cancellation);
        DatasetMeta meta = CharDatasetWriter.Write(name, corpus, directory, progress, cancellation);
        return new PreparedDataset(directory, meta, corpus.Notes);
    }

    /// <summary>Whether a directory holds a data set, by this program or by nanoGPT. Preparation that was interrupted at any moment leaves none.</summary>
    public static bool IsPrepared(string directory) =>
        ShardFiles.In(directory, Split.Train).Count > 0 && ShardFiles.In(directory, Split.Val).Count > 0;

    /// <summary>Levenshtein's distance.</summary>
    static int EditDistance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)));
        }
        return row[^1];
    }
}
