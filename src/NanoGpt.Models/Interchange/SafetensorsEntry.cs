namespace NanoGpt.Models;

/// <summary>One tensor of a safetensors file: what the header says of it.</summary>
/// <param name="Name">Its name, unique in the file.</param>
/// <param name="Dtype">Its element type.</param>
/// <param name="Shape">Its dimensions, outermost first; empty for a scalar.</param>
/// <param name="Offset">Where its first byte is in the file.</param>
/// <param name="ByteLength">Its size in bytes.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsDtype Dtype, IReadOnlyList<long> Shape, long Offset, long ByteLength)
{
    /// <summary>The product of the dimensions.</summary>
    public long ElementCount => ByteLength / Dtype.Size();
}
