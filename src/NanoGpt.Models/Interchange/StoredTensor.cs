namespace NanoGpt.Models;

/// <summary>Reads elements of a tensor in row-major order, from <paramref name="start"/> on, as floats.</summary>
internal delegate void FloatReader(Span<float> destination, long start);

/// <summary>Takes the next elements of a tensor.</summary>
internal delegate void FloatSink(ReadOnlySpan<float> part);

/// <summary>A tensor in a file of whatever format: its name, its shape, and how to read it. Its reader has checked that it lies within the file.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Shape">Its dimensions, outermost first.</param>
/// <param name="Read">Reads its elements; where the tensor is not of floating point, says so in an <see cref="InvalidDataException"/>.</param>
internal sealed record StoredTensor(string Name, IReadOnlyList<long> Shape, FloatReader Read)
{
    /// <summary>The product of the dimensions.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => checked(product * size));

    /// <summary>Reads all elements, as many at a time as the buffer holds.</summary>
    public void ReadAll(float[] buffer, FloatSink take)
    {
        for (long start = 0, count = Count; start < count; start += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, count - start));
            Read(part, start);
            take(part);
        }
    }
}
