using Microsoft.Win32.SafeHandles;

namespace NanoGpt.Models;

/// <summary>A file read at any offset, from any thread. What sticks out of it is a sentence, never a short read.</summary>
internal sealed class FileBytes : IDisposable
{
    readonly SafeFileHandle handle;

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public FileBytes(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException(Directory.Exists(path) ? $"{path}: this is a folder, not a file." : $"{path}: there is no such file.", path);
        Path = path;
        handle = File.OpenHandle(path);
        Length = RandomAccess.GetLength(handle);
    }

    public string Path { get; }

    public long Length { get; }

    /// <exception cref="InvalidDataException">The file ends before.</exception>
    public void ReadExactly(Span<byte> destination, long offset)
    {
        while (!destination.IsEmpty)
        {
            int read = offset < 0 ? 0 : RandomAccess.Read(handle, destination, offset);
            if (read == 0)
                throw new InvalidDataException($"{Path}: the file ends at byte {Length}, before what should be at {offset}: it is cut short; get it again.");
            offset += read;
            destination = destination[read..];
        }
    }

    /// <summary>A part of the file; its length is checked against the file before anything is allocated.</summary>
    /// <exception cref="InvalidDataException">The file ends before.</exception>
    public byte[] ReadBytes(long offset, long length)
    {
        if (offset < 0 || length < 0 || length > Length - offset || length > Array.MaxLength)
            throw new InvalidDataException($"{Path}: the file has {Length} bytes, too few for {length} at {offset}: it is damaged or cut short; get it again.");
        byte[] bytes = new byte[length];
        ReadExactly(bytes, offset);
        return bytes;
    }

    public void Dispose() => handle.Dispose();
}
