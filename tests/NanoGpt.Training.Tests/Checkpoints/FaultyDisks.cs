namespace NanoGpt.Training.Tests;

/// <summary>The power fails: at one instant the machine stops, and nothing that would come after it happens.</summary>
sealed class CrashingDisk(int instant) : DurableDisk
{
    public sealed class Crash : Exception;

    public bool Crashed { get; private set; }
    int now;

    void Tick()
    {
        if (Crashed || now++ == instant)
        {
            Crashed = true;
            throw new Crash();
        }
    }

    public override void CreateDirectory(string path) { Tick(); base.CreateDirectory(path); }
    public override void MoveDirectory(string from, string to) { Tick(); base.MoveDirectory(from, to); }
    public override void MoveFile(string from, string to) { Tick(); base.MoveFile(from, to); }
    public override void SyncDirectory(string path) { Tick(); base.SyncDirectory(path); }

    public override void WriteFile(string path, Action<Stream> write)
    {
        Tick();
        base.WriteFile(path, file => write(new PartialStream(file, (stream, buffer) =>
        {
            Tick();
            stream.Write(buffer[..(buffer.Length / 2)]);
            Tick();
            stream.Write(buffer[(buffer.Length / 2)..]);
        })));
        Tick();
    }

    /// <summary>A crash in the middle leaves half of a directory.</summary>
    public override void Delete(string path)
    {
        Tick();
        if (Directory.Exists(path) && Directory.EnumerateFiles(path).FirstOrDefault() is { } file)
            File.Delete(file);
        Tick();
        base.Delete(path);
    }
}

/// <summary>A disk with room for so many bytes more.</summary>
sealed class FullDisk(long room) : DurableDisk
{
    long left = room;

    public override void WriteFile(string path, Action<Stream> write) => base.WriteFile(path, file => write(new PartialStream(file, (stream, buffer) =>
    {
        int fits = (int)Math.Min(left, buffer.Length);
        stream.Write(buffer[..fits]);
        left -= fits;
        if (fits < buffer.Length)
            throw new IOException($"No space left on device : '{path}'");
    })));
}

/// <summary>Notes what is done, in order.</summary>
sealed class LoggingDisk : DurableDisk
{
    public List<string> Log { get; } = [];

    void Note(string what, params string[] paths) => Log.Add($"{what} {string.Join(" to ", paths.Select(Path.GetFileName))}");

    public override void CreateDirectory(string path) { base.CreateDirectory(path); Note("create", path); }
    public override void WriteFile(string path, Action<Stream> write) { base.WriteFile(path, write); Note("write", path); }
    public override void MoveDirectory(string from, string to) { base.MoveDirectory(from, to); Note("move", from, to); }
    public override void MoveFile(string from, string to) { base.MoveFile(from, to); Note("move", from, to); }
    public override void SyncDirectory(string path) { base.SyncDirectory(path); Note("sync", path); }
    public override void Delete(string path) { base.Delete(path); Note("delete", path); }
}

/// <summary>A stream whose writes another decides about.</summary>
sealed class PartialStream(Stream target, PartialStream.OnWrite write) : MemoryStream
{
    public delegate void OnWrite(Stream target, ReadOnlySpan<byte> buffer);

    public override long Position { get => target.Position; set => target.Position = value; }
    public override long Length => target.Length;
    public override long Seek(long offset, SeekOrigin origin) => target.Seek(offset, origin);
    public override void Write(ReadOnlySpan<byte> buffer) => write(target, buffer);
    public override void Write(byte[] buffer, int offset, int count) => write(target, buffer.AsSpan(offset, count));
}
