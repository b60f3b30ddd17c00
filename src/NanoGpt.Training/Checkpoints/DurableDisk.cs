using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

[assembly: InternalsVisibleTo("NanoGpt.Training.Tests")]

namespace NanoGpt.Training;

/// <summary>
/// The few file-system steps of a durable save, each complete on disk when it returns. Virtual, so that tests can stop the
/// machine, or fill the disk, at every one of them.
/// </summary>
internal class DurableDisk
{
    /// <summary>Creates a directory and what is missing above it.</summary>
    public virtual void CreateDirectory(string path)
    {
        var missing = new Stack<string>();
        for (string? at = Path.GetFullPath(path); at is not null && !Directory.Exists(at); at = Path.GetDirectoryName(at))
            missing.Push(at);
        foreach (string directory in missing)
        {
            Directory.CreateDirectory(directory);
            SyncDirectory(Path.GetDirectoryName(directory)!);
        }
    }

    /// <summary>Writes a new file and flushes its content to the device.</summary>
    public virtual void WriteFile(string path, Action<Stream> write)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 16);
        write(file);
        file.Flush(flushToDisk: true);
    }

    /// <summary>Renames a directory to a name that is free.</summary>
    public virtual void MoveDirectory(string from, string to) => Directory.Move(from, to);

    /// <summary>Renames a file, replacing atomically one that has the name.</summary>
    public virtual void MoveFile(string from, string to) => File.Move(from, to, overwrite: true);

    /// <summary>Deletes a file, or a directory with all that is in it.</summary>
    public virtual void Delete(string path)
    {
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        else
            File.Delete(path);
    }

    /// <summary>
    /// Makes the names in a directory durable. On Unix a rename is on disk only when its directory is flushed, for which .NET has
    /// no call; Windows has no such call either and needs none, for NTFS journals names in order.
    /// </summary>
    /// <exception cref="IOException">The device failed or is full.</exception>
    public virtual void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
            return;
        int descriptor = Unix.Open([.. Encoding.UTF8.GetBytes(path), 0], 0);
        int error = descriptor < 0 || Unix.FSync(descriptor) != 0 ? Marshal.GetLastPInvokeError() : 0;
        if (descriptor >= 0)
            _ = Unix.Close(descriptor);
        // Some network and user-space file systems refuse to flush a directory; only a real fault of the device counts.
        const int EIO = 5, ENOSPC = 28;
        if (error is EIO or ENOSPC)
            throw new IOException($"{Marshal.GetPInvokeErrorMessage(error)} : '{path}'");
    }

    static class Unix
    {
        [DllImport("libc", EntryPoint = "open", SetLastError = true)]
        internal static extern int Open(byte[] path, int flags);

        [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
        internal static extern int FSync(int descriptor);

        [DllImport("libc", EntryPoint = "close")]
        internal static extern int Close(int descriptor);
    }
}
