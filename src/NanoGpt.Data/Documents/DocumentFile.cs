namespace NanoGpt.Data;

/// <summary>
/// A file of documents. One thread reads it in pieces; what is costly, taking the texts out of a piece, can happen on many
/// threads at once. Memory does not grow with the file.
/// </summary>
internal abstract class DocumentFile
{
    /// <param name="path">Where it is.</param>
    /// <param name="column">The member or column that is the text; empty where the whole file is.</param>
    protected DocumentFile(string path, string column = "")
    {
        var file = new FileInfo(path);
        (Path, Column, Bytes, Changed) = (path, column, file.Length, file.LastWriteTimeUtc);
    }

    public string Path { get; }

    /// <summary>The member or column that is the text; empty where the whole file is.</summary>
    public string Column { get; }

    /// <summary>Its length on the disk.</summary>
    public long Bytes { get; }

    /// <summary>When it was last written.</summary>
    public DateTime Changed { get; }

    /// <summary>Opens it at its start.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is not what it should be; the message names it.</exception>
    public abstract DocumentReader Open();

    /// <summary>Takes the texts out of a piece that a reader of this file filled. Safe on several threads.</summary>
    /// <exception cref="InvalidDataException">The piece is malformed; the message names the file and the place.</exception>
    public abstract void TakeTexts(RawChunk chunk, DocumentText texts);
}

/// <summary>Reads a file from its start to its end. The pieces are the same every time.</summary>
internal abstract class DocumentReader : IDisposable
{
    /// <summary>Fills a piece, which was cleared; false at the end.</summary>
    public abstract bool Read(RawChunk chunk);

    public abstract void Dispose();
}
