using NanoGpt.Distributed.Mpi;

namespace NanoGpt.Distributed.Tests;

public class CollectiveTests
{
    [Fact]
    public void What_goes_wrong_in_a_stage_is_said_where_the_collective_is_waited_for()
    {
        var collective = new MpiCollective(null!, "the gradients, bucket 0", () => 0, () => throw new OverflowException("The count is too large."));
        Assert.True(collective.Advance(null!));
        Assert.Equal("the ranks cannot share 'the gradients, bucket 0': The count is too large; the job ends here; the last checkpoint is good, resume it.",
            Assert.Throws<IOException>(collective.Wait).Message);
    }
}
