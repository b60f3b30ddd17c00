using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Cli;

/// <summary>What the machine is: system, processor, cores, memory, and how much of it this process may use.</summary>
static class Machine
{
    const double GB = 1e9;

    public static IReadOnlyList<Check> Checks =>
    [
        new("system", System), new("dotnet", DotNet), new("processor", Processor), new("vectors", Vectors), new("threads", Threads), new("memory", Memory),
    ];

    static Finding System() => new($"{RuntimeInformation.OSDescription}, {Environment.MachineName}", RuntimeInformation.OSDescription);

    static Finding DotNet() => new($"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}", RuntimeInformation.FrameworkDescription);

    static Finding Processor() => new(CpuFeatures.Model, CpuFeatures.Model);

    static Finding Vectors()
    {
        var vectors = CpuFeatures.Vectors;
        string text = string.Join(", ", [$"{(int)SimdWidths.Widest} bits wide", .. vectors.Select(v => v.Usable ? v.Name : $"no {v.Name}")]);
        return new(text, new JsonObject(vectors.Select(v => KeyValuePair.Create(v.Name, (JsonNode?)v.Usable))),
            CpuFeatures.HasBFloat16Instruction && !CpuFeatures.CanMultiplyBFloat16
                ? "the processor has AVX512_BF16, but this system forbids memory that is executable, so --dtype=bfloat16 runs at the speed of float32"
            : CpuFeatures.HasTileInstructions && !CpuFeatures.HasTiles
                ? $"the processor has AMX_BF16, but this system does not let it be used (Linux does from 5.16 on), so --dtype=bfloat16 runs {(CpuDevice.HasFastBFloat16 ? "on AVX512_BF16" : "at the speed of float32")}" : null);
    }

    static Finding Threads()
    {
        int usable = Environment.ProcessorCount;
        var (all, cores) = Hardware();
        double? quota = CgroupLimits.Processors;
        var value = new JsonObject { ["usable"] = usable, ["hardware"] = all, ["cores"] = cores, ["cgroup_limit"] = quota };
        string text = $"{usable} usable of {all}" + (cores > 0 ? $", on {cores} core{(cores == 1 ? "" : "s")}" : "") + (quota is { } limit ? $", cgroup limit {limit:0.##}" : ", no cgroup limit");
        return new(text, value, usable >= all ? null
            : "a cgroup, a container or a launcher's binding keeps the rest away; with Slurm ask for them with --cpus-per-task, with mpirun give --bind-to none");
    }

    /// <summary>Hardware threads of the machine, and the cores they run on (0 where the system does not say).</summary>
    static (int Threads, int Cores) Hardware()
    {
        const string folder = "/sys/devices/system/cpu";
        if (!Directory.Exists(folder)) return (Environment.ProcessorCount, 0);
        var places = Directory.EnumerateDirectories(folder, "cpu*").Select(cpu => Path.Combine(cpu, "topology")).Where(topology => File.Exists(Path.Combine(topology, "core_id")))
            .Select(topology => File.ReadAllText(Path.Combine(topology, "physical_package_id")) + File.ReadAllText(Path.Combine(topology, "core_id"))).ToList();
        return places.Count == 0 ? (Environment.ProcessorCount, 0) : (places.Count, places.Distinct().Count());
    }

    static Finding Memory()
    {
        long? limit = CgroupLimits.Memory;
        long total = FromProc("MemTotal") ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        long? free = FromProc("MemAvailable");
        string text = $"{total / GB:0.0} GB" + (free is { } bytes ? $", {bytes / GB:0.0} GB available" : "") + (limit is { } most ? $", cgroup limit {most / GB:0.0} GB" : ", no cgroup limit");
        return new(text, new JsonObject { ["total_bytes"] = total, ["available_bytes"] = free, ["cgroup_limit_bytes"] = limit });
    }

    static long? FromProc(string name)
    {
        const string file = "/proc/meminfo";
        if (!File.Exists(file)) return null;
        string? line = File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name + ":", StringComparison.Ordinal));
        return line is null ? null : 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
