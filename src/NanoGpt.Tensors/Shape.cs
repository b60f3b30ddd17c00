namespace NanoGpt.Tensors;

/// <summary>The sizes of a tensor, at most four; row-major, without gaps.</summary>
public readonly struct Shape : IEquatable<Shape>
{
    readonly int d0, d1, d2, d3;

    /// <summary>A shape of the given sizes.</summary>
    /// <exception cref="ArgumentException">More than four sizes, or a negative one.</exception>
    public Shape(params ReadOnlySpan<int> sizes)
    {
        if (sizes.Length > 4) throw new ArgumentException($"A shape has at most 4 dimensions, not {sizes.Length}.");
        foreach (int size in sizes)
            if (size < 0) throw new ArgumentException($"A size cannot be negative: {size}.");
        Rank = sizes.Length;
        d0 = Rank > 0 ? sizes[0] : 1;
        d1 = Rank > 1 ? sizes[1] : 1;
        d2 = Rank > 2 ? sizes[2] : 1;
        d3 = Rank > 3 ? sizes[3] : 1;
    }

    /// <summary>No dimensions, one element.</summary>
    public static Shape Scalar { get; } = new([]);

    /// <summary>Number of dimensions.</summary>
    public int Rank { get; }

    /// <summary>Size of dimension <paramref name="i"/>; negative counts from the end.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such dimension.</exception>
    public int this[int i]
    {
        get
        {
            int dimension = i < 0 ? i + Rank : i;
            if (dimension < 0 || dimension >= Rank) throw new ArgumentOutOfRangeException(nameof(i), $"{this} has no dimension {i}.");
            return dimension switch { 0 => d0, 1 => d1, 2 => d2, _ => d3 };
        }
    }

    /// <summary>Number of elements.</summary>
    public long Count => (long)d0 * d1 * d2 * d3;

    /// <summary>Number of rows when the last dimension is taken as the columns.</summary>
    public int Rows => Rank == 0 ? 1 : checked((int)(Count / Math.Max(1, this[-1])));

    /// <summary>The same shape with another last size.</summary>
    public Shape WithLast(int size)
    {
        Span<int> sizes = [d0, d1, d2, d3];
        sizes[Rank - 1] = size;
        return new(sizes[..Rank]);
    }

    /// <inheritdoc/>
    public bool Equals(Shape other) => Rank == other.Rank && d0 == other.d0 && d1 == other.d1 && d2 == other.d2 && d3 == other.d3;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Rank, d0, d1, d2, d3);

    /// <summary>Whether two shapes are the same.</summary>
    public static bool operator ==(Shape a, Shape b) => a.Equals(b);

    /// <summary>Whether two shapes differ.</summary>
    public static bool operator !=(Shape a, Shape b) => !a.Equals(b);

    /// <summary>As in (4, 64, 128).</summary>
    public override string ToString()
    {
        var self = this;
        return $"({string.Join(", ", Enumerable.Range(0, Rank).Select(i => self[i]))})";
    }
}
