using NanoGpt.Cli.Tests;
using NanoGpt.Training;

namespace NanoGpt.Distributed.Tests;

/// <summary>What keeps a job from starting, and what a rank that fails says.</summary>
public class DisagreementTests
{
    static readonly string[] run = ["train", .. Workplace.Tiny, "--out_dir=out"];

    [Theory]
    [MemberData(nameof(MpiJob.Flavours), MemberType = typeof(MpiJob))]
    public void Ranks_with_different_keys_do_not_start(string flavour)
    {
        using var work = Workplace.WithData();
        using var job = MpiJob.StartEach(work, flavour, (1, run), (1, [.. run, "--seed=2", "--learning_rate=0.5"]));
        string error = Error(job.Wait(), 1);
        Assert.Contains("The ranks do not agree: rank 1 on", error);
        Assert.Contains("has learning_rate=0.5, seed=2, but rank 0 on", error);
        Assert.Contains("learning_rate=0.01, seed=1337", error);
        Assert.False(Path.Exists(work["out"]));
    }

    /// <summary>A program of which the part that was started is of another build, the rest the same.</summary>
    [Fact]
    public void Ranks_with_different_programs_do_not_start()
    {
        using var work = Workplace.WithData();
        foreach (string file in Directory.EnumerateFiles(AppContext.BaseDirectory)) File.Copy(file, Path.Combine(Directory.CreateDirectory(work["other"]).FullName, Path.GetFileName(file)));
        string path = work["other/nanogpt.dll"];
        byte[] program = File.ReadAllBytes(path), version = System.Reflection.Assembly.LoadFrom(Path.Combine(AppContext.BaseDirectory, "nanogpt.dll")).ManifestModule.ModuleVersionId.ToByteArray();
        program[program.AsSpan().IndexOf(version)] ^= 1;
        File.WriteAllBytes(path, program);
        using var job = MpiJob.StartPrograms(work, "openmpi", (1, [.. RunningProgram.Program, .. run]), (1, [.. RunningProgram.Program.SkipLast(1), path, .. run]));
        string error = Error(job.Wait(), 1);
        Assert.Contains("The ranks do not agree: rank 1 on", error);
        Assert.Matches("has program=[0-9a-f-]+, but rank 0 on .+ program=", error);
        Assert.False(Path.Exists(work["out"]));
    }

    [Theory]
    [MemberData(nameof(MpiJob.Flavours), MemberType = typeof(MpiJob))]
    public void A_fault_of_one_rank_ends_the_job_and_names_it(string flavour)
    {
        using var work = Workplace.WithData();
        using var job = MpiJob.StartEach(work, flavour, (1, run), (1, [.. run, "--threads=-1"]));
        string error = Error(job.Wait(), 2);
        Assert.Contains($"error: rank 1 on {Environment.MachineName}: threads must not be negative", error);
    }

    [Theory]
    [MemberData(nameof(MpiJob.Flavours), MemberType = typeof(MpiJob))]
    public void Micro_batches_that_ranks_cannot_share_are_refused(string flavour)
    {
        using var work = Workplace.WithData();
        string error = Error(MpiJob.Run(work, flavour, 2, [.. run, "--gradient_accumulation_steps=5"]), 2);
        Assert.Contains("gradient_accumulation_steps (5) counts the micro-batches of a step over all ranks, and 2 ranks cannot share them evenly; give --gradient_accumulation_steps=4 or 6", error);
        error = Error(MpiJob.Run(work, flavour, 2, [.. run, "--total_batch_size=192"]), 2);
        Assert.Contains("total_batch_size (192) makes 3 micro-batches of 64 tokens, which 2 ranks cannot share evenly; the nearest that works is 128 or 256", error);
    }

    [Fact]
    public void A_missing_library_is_a_sentence()
    {
        using var work = new Workplace();
        work.Environment["NANOGPT_MPI"] = "/nowhere/libmpi.so";
        Assert.Contains("NANOGPT_MPI names '/nowhere/libmpi.so', which is no MPI library that can be loaded", Error(MpiJob.Run(work, "mpich", 2, run), 1));
    }

    [Fact]
    public void A_difference_names_ranks_hosts_and_values()
    {
        string[] hosts = ["a", "b", "c"];
        Assert.Null(RunAgreement.Difference([["x=1", "y=2"], ["x=1", "y=2"], ["x=1", "y=2"]], hosts));
        Assert.Equal("The ranks do not agree: rank 2 on c has y=3, but rank 0 on a y=2; start all with the same command, data and program.",
            RunAgreement.Difference([["x=1", "y=2"], ["x=1", "y=2"], ["x=1", "y=3"]], hosts));
    }

    /// <summary>The one line that is ours; launchers add their own.</summary>
    static string Error(Outcome outcome, int exitCode)
    {
        Assert.True(outcome.ExitCode == exitCode, $"exit code {outcome.ExitCode}, not {exitCode}\n{outcome.Output}\n{outcome.Error}");
        Assert.DoesNotContain("   at ", outcome.Error);
        return string.Join('\n', outcome.Error.Split('\n').Where(line => line.StartsWith("error: ", StringComparison.Ordinal)).Distinct());
    }
}
