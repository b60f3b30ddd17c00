namespace NanoGpt.Data;

/// <summary>How a data set is made: it knows where the text is from. <see cref="Datasets"/> lists them.</summary>
public abstract class DatasetRecipe
{
    /// <summary>The name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>What it is, in one line.</summary>
    public abstract string Description { get; }

    /// <summary>Finds or fetches the text.</summary>
    /// <param name="inputs">The files and folders the user names; none where the recipe knows its source.</param>
    /// <param name="directory">The directory of the data set; a download is kept in it.</param>
    /// <param name="progress">Hears how far it is.</param>
    /// <param name="cancellation">Stops it.</param>
    internal abstract TextCorpus Gather(IReadOnlyList<string> inputs, string directory, IProgress<PrepareProgress>? progress, CancellationToken cancellation);
}
