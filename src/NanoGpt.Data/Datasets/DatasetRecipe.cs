namespace NanoGpt.Data;

/// <summary>How a data set is made: it knows where the text is from. <see cref="Datasets"/> lists them.</summary>
public abstract class DatasetRecipe
{
    /// <summary>The name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>What it is, in one line.</summary>
    public abstract string Description { get; }

    /// <summary>Whether it is made in a moment, so that training may make it where it is missing.</summary>
    public virtual bool IsSmall => true;

    /// <summary>Whether it knows where its text is from; else an input has to be named.</summary>
    public virtual bool HasSource => true;

    /// <summary>What it can be told beside its input, by the names of the command line's options.</summary>
    public virtual IReadOnlyList<string> Options => [];

    /// <summary>Makes it.</summary>
    /// <param name="options">What the user asks.</param>
    /// <param name="directory">Where it goes; downloads are kept in it.</param>
    /// <param name="progress">Hears how far it is.</param>
    /// <param name="cancellation">Stops it.</param>
    internal abstract PreparedDataset Prepare(PrepareOptions options, string directory, IProgress<PrepareProgress>? progress, CancellationToken cancellation);
}
