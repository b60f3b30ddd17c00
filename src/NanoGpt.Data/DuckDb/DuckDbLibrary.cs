using System.Runtime.InteropServices;

namespace NanoGpt.Data;

/// <summary>
/// DuckDB's C API, the few functions that reading takes. The library is looked up at run time: the environment variable
/// <c>NANOGPT_DUCKDB</c> (a file or its folder), the application's folder, the system's library path.
/// </summary>
internal sealed unsafe class DuckDbLibrary
{
    public const string Variable = "NANOGPT_DUCKDB";

    static readonly Lazy<DuckDbLibrary> loaded = new(() => new DuckDbLibrary(Load()));

    public readonly delegate* unmanaged[Cdecl]<byte*, nint*, int> Open;
    public readonly delegate* unmanaged[Cdecl]<nint*, void> Close;
    public readonly delegate* unmanaged[Cdecl]<nint, nint*, int> Connect;
    public readonly delegate* unmanaged[Cdecl]<nint*, void> Disconnect;
    public readonly delegate* unmanaged[Cdecl]<nint, byte*, nint*, int> Prepare;
    public readonly delegate* unmanaged[Cdecl]<nint, byte*> PrepareError;
    public readonly delegate* unmanaged[Cdecl]<nint*, void> DestroyPrepare;
    public readonly delegate* unmanaged[Cdecl]<nint, DuckDbResult*, int> ExecuteStreaming;
    public readonly delegate* unmanaged[Cdecl]<DuckDbResult*, byte*> ResultError;
    public readonly delegate* unmanaged[Cdecl]<DuckDbResult*, void> DestroyResult;
    public readonly delegate* unmanaged[Cdecl]<DuckDbResult, nint> FetchChunk;
    public readonly delegate* unmanaged[Cdecl]<nint*, void> DestroyChunk;
    public readonly delegate* unmanaged[Cdecl]<nint, ulong> ChunkSize;
    public readonly delegate* unmanaged[Cdecl]<nint, ulong, nint> ChunkVector;
    public readonly delegate* unmanaged[Cdecl]<nint, void*> VectorData;
    public readonly delegate* unmanaged[Cdecl]<nint, ulong*> VectorValidity;
    public readonly delegate* unmanaged[Cdecl]<byte*> Version;

    DuckDbLibrary(nint library)
    {
        void* Function(string name) => (void*)NativeLibrary.GetExport(library, "duckdb_" + name);
        Open = (delegate* unmanaged[Cdecl]<byte*, nint*, int>)Function("open");
        Close = (delegate* unmanaged[Cdecl]<nint*, void>)Function("close");
        Connect = (delegate* unmanaged[Cdecl]<nint, nint*, int>)Function("connect");
        Disconnect = (delegate* unmanaged[Cdecl]<nint*, void>)Function("disconnect");
        Prepare = (delegate* unmanaged[Cdecl]<nint, byte*, nint*, int>)Function("prepare");
        PrepareError = (delegate* unmanaged[Cdecl]<nint, byte*>)Function("prepare_error");
        DestroyPrepare = (delegate* unmanaged[Cdecl]<nint*, void>)Function("destroy_prepare");
        ExecuteStreaming = (delegate* unmanaged[Cdecl]<nint, DuckDbResult*, int>)Function("execute_prepared_streaming");
        ResultError = (delegate* unmanaged[Cdecl]<DuckDbResult*, byte*>)Function("result_error");
        DestroyResult = (delegate* unmanaged[Cdecl]<DuckDbResult*, void>)Function("destroy_result");
        FetchChunk = (delegate* unmanaged[Cdecl]<DuckDbResult, nint>)Function("fetch_chunk");
        DestroyChunk = (delegate* unmanaged[Cdecl]<nint*, void>)Function("destroy_data_chunk");
        ChunkSize = (delegate* unmanaged[Cdecl]<nint, ulong>)Function("data_chunk_get_size");
        ChunkVector = (delegate* unmanaged[Cdecl]<nint, ulong, nint>)Function("data_chunk_get_vector");
        VectorData = (delegate* unmanaged[Cdecl]<nint, void*>)Function("vector_get_data");
        VectorValidity = (delegate* unmanaged[Cdecl]<nint, ulong*>)Function("vector_get_validity");
        Version = (delegate* unmanaged[Cdecl]<byte*>)Function("library_version");
    }

    /// <summary>The library.</summary>
    /// <exception cref="FileNotFoundException">It is not on this machine; the message says how to get it.</exception>
    public static DuckDbLibrary Loaded => loaded.Value;

    /// <summary>Whether the library is on this machine.</summary>
    public static bool IsThere
    {
        get
        {
            try
            {
                return Loaded is not null;
            }
            catch (IOException)
            {
                return false;
            }
        }
    }

    static string FileName => OperatingSystem.IsWindows() ? "duckdb.dll" : OperatingSystem.IsMacOS() ? "libduckdb.dylib" : "libduckdb.so";

    static nint Load()
    {
        string? named = Environment.GetEnvironmentVariable(Variable);
        if (!string.IsNullOrEmpty(named))
        {
            string path = Directory.Exists(named) ? Path.Combine(named, FileName) : named;
            return NativeLibrary.TryLoad(path, out nint chosen) ? chosen
                : throw new FileNotFoundException($"{Variable} names '{named}', but there is no DuckDB library that can be loaded; {HowToGet}");
        }
        foreach (string path in new[] { Path.Combine(AppContext.BaseDirectory, FileName), FileName })
            if (NativeLibrary.TryLoad(path, out nint library)) return library;
        throw new FileNotFoundException($"Parquet and zstd files are read by DuckDB, whose library {FileName} is not on this machine; {HowToGet}");
    }

    static string HowToGet => OperatingSystem.IsLinux()
        ? $"get it with 'npm install @duckdb/node-bindings-linux-{RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}' " +
          $"(it holds libduckdb.so), or from duckdb.org, and let {Variable} name the file."
        : $"get it from duckdb.org, and let {Variable} name the file.";
}

/// <summary>A result as C lays it out; only the library looks inside.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DuckDbResult
{
    readonly ulong columns, rows, changed;
    readonly nint columnData, errorMessage, data;
}
