using System.Text.Json;

namespace NanoGpt.Cli.Tests;

public class DoctorCommandTests
{
    [Fact]
    public void One_line_of_JSON_has_what_was_found_and_measured()
    {
        using var work = new Workplace();
        string output = work.Run("doctor", "--json").Succeeded().Output;
        Assert.Single(output.TrimEnd('\n').Split('\n'));
        using var json = JsonDocument.Parse(output);
        var root = json.RootElement;
        Assert.Equal(["system", "dotnet", "processor", "vectors", "threads", "memory", "duckdb", "mpi", "launcher", "slurm", "slurm_job", "peak_float32", "peak_bfloat16", "memory_speed", "disk", "advice"],
            root.EnumerateObject().Select(p => p.Name));
        double Number(string check, string name) => root.GetProperty(check).GetProperty(name).GetDouble();
        Assert.Equal(Environment.ProcessorCount, Number("threads", "usable"));
        Assert.InRange(Number("threads", "hardware"), Number("threads", "usable"), 1e5);
        Assert.InRange(Number("memory", "total_bytes"), 1e8, 1e14);
        Assert.InRange(Number("peak_float32", "gflops"), 1, 1e6);
        Assert.InRange(Number("peak_bfloat16", "gflops"), 1, 1e6);
        Assert.InRange(Number("memory_speed", "read_gb_per_s"), 0.1, 1e4);
        Assert.InRange(Number("disk", "write_mb_per_s"), 0.1, 1e6);
        Assert.InRange(Number("disk", "read_mb_per_s"), 0.1, 1e6);
        Assert.Equal(JsonValueKind.Null, root.GetProperty("launcher").ValueKind);
        Assert.Empty(Directory.EnumerateFileSystemEntries(work.Root));       // the disk is as it was
    }

    [Fact]
    public void What_is_missing_comes_with_what_to_do()
    {
        using var work = new Workplace();
        work.Environment["NANOGPT_DUCKDB"] = "/nowhere/libduckdb.so";
        work.Environment["NANOGPT_MPI"] = "/nowhere/libmpi.so";
        work.Environment["PATH"] = "";          // no Slurm
        string output = work.Run("doctor", "--out_dir=not/yet/there").Succeeded().Output;
        Assert.Matches("\nduckdb +none\n +→ NANOGPT_DUCKDB names '/nowhere/libduckdb.so'.*npm install @duckdb/", output);
        Assert.Matches("\nmpi +none\n +→ NANOGPT_MPI names '/nowhere/libmpi.so', which is no MPI library", output);
        Assert.Matches("\nslurm +none\n +→ .*apt-get install slurm-client", output);
        Assert.Matches(@"\npeak float32 +[\d.]+ [GT]FLOP/s", output);
        Assert.Matches(@"\ndisk +write [\d.]+ [MG]B/s, read [\d.]+ [MG]B/s", output);
        Assert.False(Directory.Exists(work["not"]));
    }

    [Fact]
    public void A_job_of_Slurm_and_its_launcher_are_shown()
    {
        using var work = new Workplace();
        foreach (var (name, value) in new[] { ("SLURM_JOB_ID", "42"), ("SLURM_JOB_NODELIST", "a[1-2]"), ("SLURM_RESTART_COUNT", "3"), ("SLURM_STEP_ID", "0"), ("SLURM_STEP_NUM_TASKS", "2"), ("SLURM_PROCID", "0") })
            work.Environment[name] = value;
        string output = work.Run("doctor").Succeeded().Output;
        Assert.Matches(@"\nslurm job +job_id 42, job_nodelist a\[1-2\], .*restart_count 3", output);
        Assert.Matches(@"\nlauncher +srun, rank 0 of 2", output);
        work.Environment["SLURM_PROCID"] = "1";
        Assert.Empty(work.Run("doctor").Succeeded().Output);        // the first speaks for its host
    }

    [Fact]
    public void A_network_needs_two() =>
        Assert.Contains("mpirun -n 2 nanogpt doctor --net", new Workplace().Run("doctor", "--net").Fault(2));
}
