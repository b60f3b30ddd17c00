namespace NanoGpt.Distributed.Tests;

public class SliceTests
{
    [Fact]
    public void Every_element_belongs_to_one_rank_for_1_to_256_ranks()
    {
        foreach (long count in (long[])[1, 15, 16, 17, 4096, 6_250_000, 123_456_789])
        {
            for (int ranks = 1; ranks <= 256; ranks++)
            {
                long next = 0;
                for (int rank = 0; rank < ranks; rank++)
                {
                    var (start, length) = Communicator.Slice(count, rank, ranks);
                    Assert.Equal(next, start);
                    Assert.True(length >= 0 && length <= count / ranks + 16);
                    next += length;
                }
                Assert.Equal(count, next);
            }
        }
    }
}
