using System.Text.Json;
using NanoGpt.Cli.Tests;
using NanoGpt.Training;

namespace NanoGpt.Distributed.Tests;

/// <summary>Ranks whose weights are no longer the same.</summary>
public class WeightAgreementTests
{
    static readonly string[] run = ["train", .. Workplace.Tiny, "--gradient_accumulation_steps=6", "--max_iters=1000000", "--eval_interval=200", "--always_save_checkpoint=True", "--keep_checkpoints=1000", "--sample_tokens=0", "--frozen=transformer.wte.weight"];

    [Theory]
    [InlineData("openmpi", 3, 1)]
    [InlineData("openmpi", 3, 0)]
    [InlineData("mpich", 2, 1)]
    public void A_bit_that_flips_in_the_memory_of_a_rank_ends_the_job_before_anything_is_saved(string flavour, int ranks, int rank)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The memory of another process is a file on Linux only.");
        using var work = Workplace.WithData();
        using var job = MpiJob.Start(work, flavour, ranks, [.. run, "--out_dir=out"]);
        Assert.True(job.WaitFor("\niter 220:"));
        // Frozen weights are where they were and what they were.
        byte[] weights = FrozenWeights(work["out/checkpoints/step-00000200/model.safetensors"]);
        Assert.True(FlipBit(MpiJob.ProcessOf(job, rank), weights) > 0);
        var outcome = job.Wait();
        Assert.Equal(1, outcome.ExitCode);
        string error = Assert.Single(outcome.Error.Split('\n'), line => line.StartsWith("error: ", StringComparison.Ordinal));
        string host = Environment.MachineName;
        Assert.Contains(ranks > 2 ? $"The weights on rank {rank} on {host} are no longer those of the others" : $"The weights on rank 0 on {host}, rank 1 on {host} are no longer the same", error);
        Assert.Contains("the last checkpoint is good: resume it", error);
        Assert.Equal(weights, FrozenWeights(work[Path.Combine("out/checkpoints", File.ReadAllText(work["out/checkpoints/last"]).Split(' ')[0], "model.safetensors")]));
        MpiJob.Run(work, flavour, ranks, "train", "--out_dir=out", "--init_from=resume", $"--max_iters={work.Losses("out").Length + 50}").Succeeded();
    }

    [Theory]
    [MemberData(nameof(MpiJob.Flavours), MemberType = typeof(MpiJob))]
    public void Ranks_with_different_vectors_keep_the_same_weights(string flavour)
    {
        using var work = Workplace.WithData();
        string[] narrow = ["env", "DOTNET_EnableAVX512=0", "DOTNET_EnableAVX512F=0", "DOTNET_EnableAVX2=0", .. RunningProgram.Program, .. run, "--max_iters=50", "--grad_clip=0.1", "--out_dir=out"];
        using var job = MpiJob.StartPrograms(work, flavour, (1, [.. RunningProgram.Program, .. run, "--max_iters=50", "--grad_clip=0.1", "--out_dir=out"]), (1, narrow));
        job.Wait().Succeeded();
    }

    [Fact]
    public void Who_differs_from_most_is_named()
    {
        string[] hosts = ["a", "b", "c", "d"];
        Assert.Null(WeightAgreement.Difference([7, 7, 7, 7], hosts));
        Assert.StartsWith("The weights on rank 2 on c are no longer those of the others: ", WeightAgreement.Difference([7, 7, 8, 7], hosts));
        Assert.StartsWith("The weights on rank 0 on a, rank 3 on d are no longer those of the others: ", WeightAgreement.Difference([8, 7, 7, 9], hosts));
        Assert.StartsWith("The weights on rank 0 on a, rank 1 on b are no longer the same: ", WeightAgreement.Difference([8, 7, 8, 7], hosts));
    }

    /// <summary>The bytes of transformer.wte.weight in a checkpoint.</summary>
    static byte[] FrozenWeights(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        int header = (int)BitConverter.ToInt64(file);
        using var json = JsonDocument.Parse(file.AsMemory(8, header));
        int[] place = [.. json.RootElement.GetProperty("transformer.wte.weight").GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt32())];
        return file[(8 + header + place[0])..(8 + header + place[1])];
    }

    /// <summary>Flips the lowest bit of the first byte wherever the memory of a process holds these bytes; returns at how many places.</summary>
    static int FlipBit(int process, byte[] bytes)
    {
        int flipped = 0;
        using var memory = new FileStream($"/proc/{process}/mem", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 0);
        foreach (string[] map in File.ReadAllLines($"/proc/{process}/maps").Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            if (map[1] != "rw-p" || map is [_, _, _, _, _, ['/', ..], ..]) continue;       // what is no file's: the heap and anonymous memory
            long[] ends = [.. map[0].Split('-').Select(end => Convert.ToInt64(end, 16))];
            byte[] content = ReadWhatIsThere(memory, ends[0], ends[1]);
            for (int at = content.AsSpan().IndexOf(bytes); at >= 0;)
            {
                memory.Position = ends[0] + at;
                memory.Write([(byte)(bytes[0] ^ 1)]);
                memory.Flush();
                flipped++;
                int next = content.AsSpan(at + 1).IndexOf(bytes);
                at = next < 0 ? -1 : at + 1 + next;
            }
        }
        return flipped;
    }

    /// <summary>Some of this memory, the pages that are no longer there as zeros: since its map was read, the process goes on, and may have given them back.</summary>
    static byte[] ReadWhatIsThere(FileStream memory, long start, long end)
    {
        var content = new byte[end - start];
        for (int at = 0; at < content.Length;)
        {
            try
            {
                memory.Position = start + at;
                int read = memory.Read(content, at, content.Length - at);
                if (read == 0) break;
                at += read;
            }
            catch (IOException)
            {
                at += Environment.SystemPageSize - (int)((start + at) % Environment.SystemPageSize);
            }
        }
        return content;
    }
}
