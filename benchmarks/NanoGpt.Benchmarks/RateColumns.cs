using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Benchmarks;

/// <summary>A number of a benchmark's own, from its work and its median time.</summary>
abstract class WorkColumn(string name, string legend) : IColumn
{
    public string Id => name;
    public string ColumnName => name;
    public string Legend => legend;
    public bool AlwaysShow => true;
    public ColumnCategory Category => ColumnCategory.Custom;
    public int PriorityInCategory => 0;
    public bool IsNumeric => true;
    public UnitType UnitType => UnitType.Dimensionless;
    public bool IsAvailable(Summary summary) => true;
    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;
    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        if (summary[benchmarkCase]?.ResultStatistics is not { } statistics) return "";
        // The benchmark as it was, but for its operands.
        if (Activator.CreateInstance(benchmarkCase.Descriptor.Type) is not KernelBenchmark benchmark) return "";
        foreach (var parameter in benchmarkCase.Parameters.Items) benchmark.GetType().GetProperty(parameter.Name)!.SetValue(benchmark, parameter.Value);
        return Format(benchmark, benchmark.WorkOf(benchmarkCase.Descriptor.WorkloadMethod.Name), statistics.Median / 1e9);
    }

    protected abstract string Format(KernelBenchmark benchmark, Work work, double seconds);
}

/// <summary>Operations or bytes per second.</summary>
sealed class RateColumn() : WorkColumn("Rate", "Operations (or bytes that must be read and written) per second, from the median")
{
    protected override string Format(KernelBenchmark benchmark, Work work, double seconds) =>
        work.Operations > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{work.Operations / seconds / 1e9:0.0} GFLOP/s")
            : string.Create(CultureInfo.InvariantCulture, $"{work.Bytes / seconds / 1e9:0.0} GB/s");
}

/// <summary>Part of what multiply-adds from registers reach in the same run, in the same precision.</summary>
sealed class PeakFractionColumn() : WorkColumn("Of peak", "Part of the multiply-adds that the same run reaches from registers, all cores, same precision")
{
    readonly Dictionary<Precision, double> peaks = [];

    protected override string Format(KernelBenchmark benchmark, Work work, double seconds) =>
        work.Operations > 0 ? string.Create(CultureInfo.InvariantCulture, $"{work.Operations / seconds / Peak(benchmark.Precision):0.0%}") : "";

    double Peak(Precision precision)
    {
        if (peaks.TryGetValue(precision, out double peak)) return peak;
        using var device = CpuDevice.Create(precision: precision);
        return peaks[precision] = device.MeasurePeakFlops(TimeSpan.FromSeconds(0.3));
    }
}
