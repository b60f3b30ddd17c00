namespace NanoGpt.Tensors.Tests;

public class ShapeTests
{
    [Fact]
    public void Sizes_count_and_rows()
    {
        var shape = new Shape(2, 3, 5);
        Assert.Equal((3, 30L, 6), (shape.Rank, shape.Count, shape.Rows));
        Assert.Equal((2, 5, 3), (shape[0], shape[-1], shape[-2]));
        Assert.Equal("(2, 3, 5)", shape.ToString());
        Assert.Equal(new Shape(2, 3, 7), shape.WithLast(7));
        Assert.Equal((0, 1L, 1), (Shape.Scalar.Rank, Shape.Scalar.Count, Shape.Scalar.Rows));
    }

    [Fact]
    public void Shapes_are_equal_by_size_and_rank()
    {
        Assert.True(new Shape(2, 3) == new Shape(2, 3));
        Assert.True(new Shape(2, 3) != new Shape(3, 2));
        Assert.NotEqual(new Shape(2), new Shape(2, 1));
    }

    [Fact]
    public void Impossible_sizes_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new Shape(1, -1));
        Assert.Throws<ArgumentException>(() => new Shape(1, 2, 3, 4, 5));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(-3)]
    public void A_dimension_that_a_shape_has_not_has_no_size(int dimension) => Assert.Throws<ArgumentOutOfRangeException>(() => new Shape(2, 3)[dimension]);

    [Fact]
    public void A_slice_stays_within_its_storage()
    {
        var storage = new Storage(4096, 10);
        Assert.Equal(new Storage(4096 + 12, 7), storage.Slice(3, 7));
        Assert.Throws<ArgumentOutOfRangeException>(() => storage.Slice(3, 8));
        Assert.Throws<ArgumentOutOfRangeException>(() => storage.Slice(-1, 2));
    }
}
