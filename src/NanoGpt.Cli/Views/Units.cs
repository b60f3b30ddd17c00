namespace NanoGpt.Cli;

/// <summary>Quantities as people read them.</summary>
static class Units
{
    /// <summary>0:07, 12:34, 1:02:03, 2d 3h.</summary>
    public static string Duration(double seconds)
    {
        if (!double.IsFinite(seconds)) return "?";
        var time = TimeSpan.FromSeconds(Math.Round(Math.Min(seconds, 1e9)));
        return time.TotalDays >= 1 ? $"{(int)time.TotalDays:N0}d {time.Hours}h"
            : time.TotalHours >= 1 ? $"{time.Hours}:{time.Minutes:00}:{time.Seconds:00}"
            : $"{time.Minutes}:{time.Seconds:00}";
    }

    /// <summary>812,345 and 1.24M and 124.44M.</summary>
    public static string Count(long count) => count < 1_000_000 ? $"{count:N0}" : $"{count / 1e6:0.00}M";

    /// <summary>Floating-point operations per second.</summary>
    public static string Flops(double flops) => flops < 1e12 ? $"{flops / 1e9:0.0} GFLOP/s" : $"{flops / 1e12:0.00} TFLOP/s";

    /// <summary>Bytes.</summary>
    public static string Bytes(double bytes) => bytes < 1e9 ? $"{bytes / 1e6:0.0} MB" : $"{bytes / 1e9:0.00} GB";
}
