namespace NanoGpt.Data;

/// <summary>A text that can be read more than once, in pieces.</summary>
internal abstract class TextCorpus
{
    /// <summary>The length of the source in bytes, for progress.</summary>
    public abstract long Bytes { get; }

    /// <summary>What the text is from. Complete after the first <see cref="Read"/>.</summary>
    public abstract IReadOnlyList<SourceFile> Sources { get; }

    /// <summary>Sentences for the user.</summary>
    public virtual IReadOnlyList<string> Notes => [];

    /// <summary>Reads the text from its start. A piece never ends inside a surrogate pair, and is valid until the next.</summary>
    /// <param name="progress">Hears how many bytes of the source are behind.</param>
    public abstract IEnumerable<ReadOnlyMemory<char>> Read(Action<long> progress);
}
