namespace NanoGpt.Distributed.Tests;

public class LauncherTests
{
    [Theory]
    [InlineData(1, "")]
    [InlineData(4, "mpirun", "OMPI_COMM_WORLD_SIZE=4", "PMIX_RANK=0")]
    [InlineData(3, "mpirun", "PMI_SIZE=3", "PMI_RANK=1")]
    [InlineData(8, "srun", "SLURM_STEP_ID=0", "SLURM_STEP_NUM_TASKS=8", "SLURM_NTASKS=8")]
    [InlineData(1, "", "SLURM_NTASKS=8", "SLURM_PROCID=0")]        // the batch script of a job
    [InlineData(1, "", "OMPI_COMM_WORLD_SIZE=many")]
    public void The_environment_says_who_started_this_process(int ranks, string name, params string[] variables)
    {
        var launcher = Launcher.From(wanted => variables.Select(v => v.Split('=')).FirstOrDefault(v => v[0] == wanted)?[1]);
        Assert.Equal((ranks, name), (launcher.Ranks, launcher.Name));
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
