namespace NanoGpt.Models;

/// <summary>The element types of a GGUF file that this program reads and writes, by their numbers in it.</summary>
internal enum GgufTensorType : uint
{
    /// <summary>IEEE 754 binary32.</summary>
    F32 = 0,
    /// <summary>IEEE 754 binary16.</summary>
    F16 = 1,
    /// <summary>Blocks of 32 signed bytes with a scale: see <see cref="Q8Blocks"/>.</summary>
    Q8_0 = 8,
    /// <summary>The upper half of a binary32.</summary>
    BF16 = 30,
}

internal static class GgufTensorTypeExtensions
{
    /// <summary>Bytes of so many elements.</summary>
    public static long BytesOf(this GgufTensorType type, long elements) => type switch
    {
        GgufTensorType.F32 => elements * 4,
        GgufTensorType.Q8_0 => elements / Q8Blocks.Length * Q8Blocks.Bytes,
        _ => elements * 2,
    };
}
