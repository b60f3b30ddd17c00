namespace NanoGpt.Distributed.Tests;

public class LauncherTests
{
    [Theory]
    [InlineData(1, 0, "")]
    [InlineData(4, 2, "mpirun", "OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_RANK=2", "PMIX_RANK=2")]
    [InlineData(3, 1, "mpirun", "PMI_SIZE=3", "PMI_RANK=1")]
    [InlineData(8, 7, "srun", "SLURM_STEP_ID=0", "SLURM_STEP_NUM_TASKS=8", "SLURM_NTASKS=8", "SLURM_PROCID=7")]
    [InlineData(1, 0, "", "SLURM_NTASKS=8", "SLURM_PROCID=0")]        // the batch script of a job
    [InlineData(1, 0, "", "OMPI_COMM_WORLD_SIZE=many")]
    [InlineData(1, 0, "", "OMPI_COMM_WORLD_SIZE=0")]
    public void The_environment_says_who_started_this_process(int ranks, int rank, string name, params string[] variables)
    {
        var launcher = Launcher.From(wanted => variables.Select(v => v.Split('=')).FirstOrDefault(v => v[0] == wanted)?[1]);
        Assert.Equal((ranks, rank, name), (launcher.Ranks, launcher.Rank, launcher.Name));
    }

    [Fact]
    public void Without_a_launcher_there_is_one_rank_and_nothing_to_exchange()
    {
        using var one = new SingleProcess();
        double[] values = [1, 2];
        one.AllReduceSum(values, "a test");
        Assert.Equal([1, 2], values);
        Assert.Equal(3, one.StartSum(3, "a test").Wait());
        Assert.Equal(["x"], one.AllGather("x", "a test"));
        Assert.True(one.IsFirst);
    }
}
