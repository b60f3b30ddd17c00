using System.Diagnostics;
using System.Runtime.InteropServices;

namespace NanoGpt.Data;

/// <summary>The DuckDB library on this machine, with which Parquet and zstd files are read.</summary>
/// <param name="Version">As in "v1.4.1".</param>
/// <param name="Path">The file, where the system tells.</param>
public sealed record DuckDbInstallation(string Version, string? Path)
{
    /// <summary>Loads the library as reading does.</summary>
    /// <exception cref="FileNotFoundException">It is not on this machine; the message says how to get it.</exception>
    public static unsafe DuckDbInstallation Find()
    {
        var duckDb = DuckDbLibrary.Loaded;
        nint entry = (nint)duckDb.Version;
        using var process = Process.GetCurrentProcess();
        var module = process.Modules.Cast<ProcessModule>().FirstOrDefault(module => entry >= module.BaseAddress && entry < module.BaseAddress + module.ModuleMemorySize);
        return new(Marshal.PtrToStringUTF8((nint)duckDb.Version())!, module?.FileName);
    }
}
