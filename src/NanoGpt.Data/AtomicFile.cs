namespace NanoGpt.Data;

/// <summary>
/// A file that appears under its name only when it is complete: written beside as <c>NAME.tmp</c>, flushed to the disk,
/// renamed. Disposed without <see cref="Publish"/>, it leaves nothing.
/// </summary>
internal sealed class AtomicFile : IDisposable
{
    readonly string path, temporary;
    bool published;

    /// <exception cref="IOException">The file cannot be created, or another process is writing it.</exception>
    public AtomicFile(string path)
    {
        this.path = path;
        temporary = path + ".tmp";
        Stream = new FileStream(temporary, FileMode.Create, FileAccess.ReadWrite, FileShare.None, bufferSize: 1 << 16);
    }

    public FileStream Stream { get; }

    /// <summary>Puts the content on the disk, so that a later <see cref="Publish"/> is only a rename.</summary>
    public void Complete()
    {
        Stream.Flush(flushToDisk: true);
        Stream.Dispose();
    }

    public void Publish()
    {
        if (Stream.CanWrite) Complete();
        File.Move(temporary, path, overwrite: true);
        published = true;
    }

    public void Dispose()
    {
        try
        {
            Stream.Dispose();
        }
        catch (IOException) when (!published)
        {
            // The disk is full, say; what is not on it yet is not wanted any more.
        }
        if (!published) File.Delete(temporary);
    }
}
