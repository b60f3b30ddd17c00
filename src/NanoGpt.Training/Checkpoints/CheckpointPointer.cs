using System.Text;

namespace NanoGpt.Training;

/// <summary>
/// The content of the files <c>last</c> and <c>best</c>: one line with the directory a name stands for and the SHA-256
/// of the <c>state.json</c> in it, so that a damaged pointer cannot lead to another checkpoint.
/// </summary>
internal readonly record struct CheckpointPointer(CheckpointName Target, string StateSum)
{
    public byte[] ToBytes() => Encoding.ASCII.GetBytes($"{Target} sha256:{StateSum}\n");

    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static CheckpointPointer Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        string[] parts = Encoding.ASCII.GetString(bytes).TrimEnd('\n').Split(" sha256:");
        if (parts.Length == 2 && parts[1].Length == 64 && CheckpointName.TryParse(parts[0]) is { } target
            && new CheckpointPointer(target, parts[1]) is var pointer && pointer.ToBytes().AsSpan().SequenceEqual(bytes))
            return pointer;
        throw new InvalidDataException($"{path}: the file is damaged, it does not name a checkpoint");
    }
}
