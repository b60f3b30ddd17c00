using System.Globalization;

namespace NanoGpt.Cli;

/// <summary>What Linux holds this process to; containers and Slurm set it. Version 2 of cgroups, and version 1 where it is mounted in its usual place.</summary>
static class CgroupLimits
{
    const string Root = "/sys/fs/cgroup";

    /// <summary>Processors' worth of time, or null where there is no limit.</summary>
    public static double? Processors => Least(folder =>
    {
        string[] words = Words(Path.Combine(folder, "cpu.max"));
        return words is [var quota, var period] ? Ratio(quota, period) : null;
    }) ?? Ratio(Words($"{Root}/cpu/cpu.cfs_quota_us").FirstOrDefault(), Words($"{Root}/cpu/cpu.cfs_period_us").FirstOrDefault());

    /// <summary>Bytes, or null where there is no limit.</summary>
    public static long? Memory => (long?)(Least(folder => Number(Words(Path.Combine(folder, "memory.max")).FirstOrDefault()))
        ?? Number(Words($"{Root}/memory/memory.limit_in_bytes").FirstOrDefault()));

    /// <summary>The least of the limits of this process's group and those above it.</summary>
    static double? Least(Func<string, double?> limit)
    {
        const string file = "/proc/self/cgroup", version2 = "0::";
        if (!File.Exists(file) || File.ReadLines(file).FirstOrDefault(line => line.StartsWith(version2, StringComparison.Ordinal)) is not { } line) return null;
        double? least = null;
        for (string? group = line[version2.Length..]; group is not null; group = Path.GetDirectoryName(group))
            if (limit(Root + group) is { } here) least = Math.Min(least ?? here, here);
        return least;
    }

    static string[] Words(string file)
    {
        try
        {
            return File.ReadAllText(file).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    static double? Ratio(string? quota, string? period) => Number(quota) is { } part && Number(period) is > 0 and double whole ? part / whole : null;

    /// <summary>A positive number; "max", -1 and the largest number that version 1 writes are no limit.</summary>
    static double? Number(string? text) =>
        double.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out double number) && number is > 0 and < 1L << 60 ? number : null;
}
