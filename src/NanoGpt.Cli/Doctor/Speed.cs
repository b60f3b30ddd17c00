using System.Text.Json.Nodes;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Cli;

/// <summary>What the processor and its memory deliver, measured.</summary>
static class Speed
{
    const long LargestBytes = 1L << 30;       // much larger than caches

    static readonly TimeSpan duration = TimeSpan.FromSeconds(0.3);

    public static IReadOnlyList<Check> Checks => [new("peak float32", () => Peak(Precision.Float32)), new("peak bfloat16", () => Peak(Precision.BFloat16)), new("memory speed", ReadMemory)];

    static Finding Peak(Precision precision)
    {
        using var device = CpuDevice.Create(precision: precision);
        double flops = device.MeasurePeakFlops(duration);
        bool emulated = precision == Precision.BFloat16 && !CpuDevice.HasFastBFloat16;
        return new($"{Units.Flops(flops)} on {device.Threads} thread{(device.Threads == 1 ? "" : "s")}{(emulated ? "; no fast bf16 instruction, so rounded and multiplied as float32" : "")}",
            new JsonObject { ["gflops"] = Math.Round(flops / 1e9, 1), ["hardware"] = !emulated });
    }

    static Finding ReadMemory()
    {
        using var device = CpuDevice.Create();
        long bytes = Math.Min(LargestBytes, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 8);
        var memory = device.Allocate(bytes / sizeof(float));
        device.Fill(memory, 1);
        double rate = device.MeasureReadBandwidth(memory, duration);
        device.Free(memory);
        return new($"{rate / 1e9:0.0} GB/s read, on {device.Threads} thread{(device.Threads == 1 ? "" : "s")}", new JsonObject { ["read_gb_per_s"] = Math.Round(rate / 1e9, 2) });
    }
}
