using System.Security.Cryptography;

namespace NanoGpt.Training;

/// <summary>What tells whether a file is the one that was written.</summary>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">Its SHA-256, 64 lower-case hexadecimal digits.</param>
internal readonly record struct FileSum(long Bytes, string Sha256)
{
    /// <summary>Reads a file from end to end and compares.</summary>
    /// <exception cref="InvalidDataException">The file is missing, cut short or changed.</exception>
    public void Verify(string path)
    {
        if (!File.Exists(path))
            throw new InvalidDataException($"{path}: the file is missing");
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 20, FileOptions.SequentialScan);
        if (file.Length != Bytes)
            throw new InvalidDataException($"{path}: the file has {file.Length} bytes instead of {Bytes}");
        if (Convert.ToHexStringLower(SHA256.HashData(file)) != Sha256)
            throw new InvalidDataException($"{path}: the file is damaged, its checksum is not the one it was saved with");
    }
}
