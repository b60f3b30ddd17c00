namespace NanoGpt.Training;

/// <summary>
/// Where an export goes. It is written beside under a name of its own and gets its final name when it is complete; what was
/// there before is replaced only where that was asked for, and then file by file: what the export does not write stays.
/// </summary>
internal sealed class ExportTarget
{
    readonly string path, folder, unfinished;
    readonly bool overwrite;
    readonly DurableDisk disk;

    /// <exception cref="ArgumentException">The path is the root of a disk.</exception>
    public ExportTarget(string path, bool overwrite, DurableDisk disk)
    {
        (this.path, this.overwrite, this.disk) = (path, overwrite, disk);
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        folder = Path.GetDirectoryName(full) ?? throw new ArgumentException($"--to={path} is the root of a disk; name a folder or file to write.");
        unfinished = Path.Combine(folder, $".{Path.GetFileName(full)}.unfinished");
    }

    /// <summary>Writes a file.</summary>
    /// <exception cref="IOException">It is there already, or cannot be written; then nothing has changed.</exception>
    public void WriteFile(Action<Stream> write)
    {
        if (Directory.Exists(path)) throw new IOException($"'{path}' is a folder; name the file to write with --to.");
        if (File.Exists(path) && !overwrite) throw Taken();
        Guarded(() =>
        {
            disk.CreateDirectory(folder);
            disk.Delete(unfinished);
            disk.WriteFile(unfinished, write);
            disk.MoveFile(unfinished, path);
            disk.SyncDirectory(folder);
        });
    }

    /// <summary>Writes a folder.</summary>
    /// <param name="fill">Fills the folder that it is given.</param>
    /// <param name="names">All that the format ever has: of these, none of a former export stays that this one does not write.</param>
    /// <exception cref="IOException">It holds something already, or cannot be written.</exception>
    public void WriteFolder(Action<string> fill, IReadOnlyCollection<string> names)
    {
        if (File.Exists(path)) throw new IOException($"'{path}' is a file; name the folder to write with --to.");
        if (Directory.Exists(Path.Combine(path, "checkpoints"))) throw new IOException($"'{path}' is the folder of a run; name another with --to.");
        bool there = Directory.Exists(path);
        if (there && Directory.EnumerateFileSystemEntries(path).Any() && !overwrite) throw Taken();
        Guarded(() =>
        {
            disk.CreateDirectory(folder);
            disk.Delete(unfinished);
            disk.CreateDirectory(unfinished);
            fill(unfinished);
            disk.SyncDirectory(unfinished);
            if (there) Replace(names);
            else disk.MoveDirectory(unfinished, path);
            disk.SyncDirectory(folder);
        });
    }

    void Replace(IReadOnlyCollection<string> names)
    {
        string[] written = [.. Directory.EnumerateFiles(unfinished).Select(file => Path.GetFileName(file))];
        foreach (string name in names.Except(written)) disk.Delete(Path.Combine(path, name));
        foreach (string name in written) disk.MoveFile(Path.Combine(unfinished, name), Path.Combine(path, name));
        disk.Delete(unfinished);
        disk.SyncDirectory(path);
    }

    void Guarded(Action write)
    {
        try
        {
            write();
        }
        catch (Exception fault)
        {
            try
            {
                disk.Delete(unfinished);
            }
            catch (Exception further) when (further is IOException or UnauthorizedAccessException)
            {
                // The next export removes it; the fault that led here is the one to report.
            }
            if (fault is not (IOException or UnauthorizedAccessException)) throw;
            throw new IOException($"'{path}' cannot be written: {fault.Message.TrimEnd('.')}; make room or name another place with --to.", fault);
        }
    }

    IOException Taken() => new($"'{path}' is there already; name another place with --to, or replace it with --overwrite.");
}
