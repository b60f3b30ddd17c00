namespace NanoGpt.Tensors;

/// <summary>
/// A run of 4-byte elements (fp32 or int32) in a device's memory. Only the device that made it may look behind the address.
/// </summary>
/// <param name="Address">Where it starts, in the device's own terms; 0 is "none".</param>
/// <param name="Length">Number of elements.</param>
public readonly record struct Storage(nint Address, long Length)
{
    /// <summary>Whether there is no memory behind it: an optional operand that was left out.</summary>
    public bool IsNone => Address == 0;

    /// <summary>A part of it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The part sticks out.</exception>
    public Storage Slice(long start, long length)
    {
        if (start < 0 || length < 0 || start + length > Length)
            throw new ArgumentOutOfRangeException(nameof(start), $"[{start}, {start + length}) is not within a storage of {Length} elements.");
        return new(Address + (nint)(start * sizeof(float)), length);
    }
}
