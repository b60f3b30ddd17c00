namespace NanoGpt.Training;

/// <summary>
/// Where an export goes. It is written beside under a name of its own and gets its final name when it is complete; what was
/// there before is replaced only where that was asked for. A folder gives way as a whole: it is renamed, the new one takes its name, and what
/// the format does not know of is carried over. So whoever looks finds the former export, none, or the new one, never some of each.
/// </summary>
internal sealed class ExportTarget
{
    readonly string path, folder, unfinished, former;
    readonly bool overwrite;
    readonly DurableDisk disk;

    /// <exception cref="ArgumentException">The path is the root of a disk.</exception>
    public ExportTarget(string path, bool overwrite, DurableDisk disk)
    {
        (this.path, this.overwrite, this.disk) = (path, overwrite, disk);
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Directory.Exists(full) && Directory.ResolveLinkTarget(full, returnFinalTarget: true) is { } target) this.path = full = target.FullName;
        folder = Path.GetDirectoryName(full) ?? throw new ArgumentException($"--to={path} is the root of a disk; name a folder or file to write.");
        unfinished = Path.Combine(folder, $".{Path.GetFileName(full)}.unfinished");
        former = Path.Combine(folder, $".{Path.GetFileName(full)}.former");
    }

    /// <summary>Writes a file.</summary>
    /// <exception cref="IOException">It is there already, or cannot be written; then nothing has changed.</exception>
    public void WriteFile(Action<Stream> write)
    {
        if (Directory.Exists(path)) throw new IOException($"'{path}' is a folder; name the file to write with --to.");
        if (!OperatingSystem.IsWindows() && folder == "/dev") throw new IOException($"'{path}' is a device, which a file must not replace; name another place with --to.");
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
        Guarded(() => Recover(names));
        bool there = Directory.Exists(path);
        if (there && Directory.EnumerateFileSystemEntries(path).Any() && !overwrite) throw Taken();
        Guarded(() =>
        {
            disk.CreateDirectory(folder);
            disk.Delete(unfinished);
            disk.CreateDirectory(unfinished);
            fill(unfinished);
            disk.SyncDirectory(unfinished);
            if (there) disk.MoveDirectory(path, former);
            disk.MoveDirectory(unfinished, path);
            disk.SyncDirectory(folder);
            if (there) CarryOver(names);
        });
    }

    /// <summary>What a crash has left in the middle of an exchange: the former export comes back where the new one did not get its name, and goes where it did.</summary>
    void Recover(IReadOnlyCollection<string> names)
    {
        if (!Directory.Exists(former)) return;
        if (Directory.Exists(path)) CarryOver(names);
        else disk.MoveDirectory(former, path);
    }

    /// <summary>After the exchange: of the former folder all stays that is not of the format.</summary>
    void CarryOver(IReadOnlyCollection<string> names)
    {
        foreach (string entry in Directory.EnumerateFileSystemEntries(former).Where(entry => !names.Contains(Path.GetFileName(entry))).ToList())
        {
            string here = Path.Combine(path, Path.GetFileName(entry));
            if (Directory.Exists(entry)) disk.MoveDirectory(entry, here);
            else disk.MoveFile(entry, here);
        }
        disk.SyncDirectory(path);
        disk.Delete(former);
        disk.SyncDirectory(folder);
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
                if (Directory.Exists(former) && !Directory.Exists(path)) disk.MoveDirectory(former, path);
                disk.Delete(unfinished);
            }
            catch (Exception further) when (further is IOException or UnauthorizedAccessException)
            {
                // The next export puts it right; the fault that led here is the one to report.
            }
            if (fault is not (IOException or UnauthorizedAccessException)) throw;
            throw new IOException($"'{path}' cannot be written: {fault.Message.TrimEnd('.')}; make room or name another place with --to.", fault);
        }
    }

    IOException Taken() => new($"'{path}' is there already; name another place with --to, or replace it with --overwrite.");
}
