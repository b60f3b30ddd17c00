namespace NanoGpt.Data;

/// <summary>A data set of characters: one text, whose characters are the vocabulary.</summary>
internal abstract class CharDatasetRecipe : DatasetRecipe
{
    /// <summary>Finds or fetches the text.</summary>
    /// <param name="inputs">The files and folders the user names; none where the recipe knows its source.</param>
    /// <param name="directory">The directory of the data set; a download is kept in it.</param>
    /// <param name="progress">Hears how far it is.</param>
    /// <param name="cancellation">Stops it.</param>
    internal abstract TextCorpus Gather(IReadOnlyList<string> inputs, string directory, IProgress<PrepareProgress>? progress, CancellationToken cancellation);

    internal override PreparedDataset Prepare(PrepareOptions options, string directory, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        TextCorpus corpus = Gather(options.Inputs, directory, progress, cancellation);
        DatasetMeta meta = CharDatasetWriter.Write(Name, corpus, directory, progress, cancellation);
        return new PreparedDataset(directory, meta, corpus.Notes);
    }
}
