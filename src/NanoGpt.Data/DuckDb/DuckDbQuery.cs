using System.Runtime.InteropServices;
using System.Text;

namespace NanoGpt.Data;

/// <summary>A query whose columns are strings, read row by row in the order of the file. The result streams: it never lies in memory as a whole.</summary>
internal sealed unsafe class DuckDbQuery : IDisposable
{
    readonly DuckDbLibrary api = DuckDbLibrary.Loaded;
    readonly string path;
    nint database, connection, statement, chunk;
    DuckDbResult result;
    bool executed, ended;
    int row, rows;

    /// <summary>Starts a query.</summary>
    /// <param name="path">The file it reads, for messages.</param>
    /// <param name="sql">The query. <see cref="Quote"/> quotes a path in it.</param>
    /// <exception cref="InvalidDataException">DuckDB refuses; the message names the file.</exception>
    public DuckDbQuery(string path, string sql)
    {
        this.path = path;
        try
        {
            nint made;
            if (api.Open(null, &made) != 0) throw Fault("DuckDB does not start");
            database = made;
            if (api.Connect(database, &made) != 0) throw Fault("DuckDB does not start");
            connection = made;
            // Two threads unpack ahead of the one that takes rows; pages that wait are held within the limit.
            foreach (string setting in (string[])["threads=2", "memory_limit='2GB'", "temp_directory=''", "autoinstall_known_extensions=false"])
            {
                Execute($"SET {setting}");
                Finish();
            }
            Execute(sql);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public static string Quote(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>Goes to the next row; false behind the last.</summary>
    /// <exception cref="InvalidDataException">The file is damaged; the message names it.</exception>
    public bool Next()
    {
        while (!ended && ++row >= rows)
        {
            ReleaseChunk();
            chunk = api.FetchChunk(result);
            if (chunk == 0)
            {
                ended = true;
                fixed (DuckDbResult* held = &result)
                    return Message(api.ResultError(held)) is { Length: > 0 } message ? throw Fault(message) : false;
            }
            (row, rows) = (-1, (int)api.ChunkSize(chunk));
        }
        return !ended;
    }

    /// <summary>A string of the current row, valid until <see cref="Next"/>; false where it is null.</summary>
    public bool TryGet(int column, out ReadOnlySpan<byte> value)
    {
        value = default;
        nint vector = api.ChunkVector(chunk, (ulong)column);
        ulong* validity = api.VectorValidity(vector);
        if (validity != null && (validity[row >> 6] >> (row & 63) & 1) == 0) return false;
        // A string is 16 bytes: its length, then up to twelve bytes in place, or four of them and the address of all.
        byte* entry = (byte*)api.VectorData(vector) + 16L * row;
        int length = *(int*)entry;
        value = new ReadOnlySpan<byte>(length <= 12 ? entry + 4 : *(byte**)(entry + 8), length);
        return true;
    }

    public void Dispose()
    {
        Finish();
        nint held = connection;
        if (held != 0) api.Disconnect(&held);
        held = database;
        if (held != 0) api.Close(&held);
        connection = database = 0;
    }

    void Execute(string sql)
    {
        nint prepared = 0;
        int state;
        fixed (byte* text = Encoding.UTF8.GetBytes(sql + '\0')) state = api.Prepare(connection, text, &prepared);
        statement = prepared;
        if (state != 0) throw Fault(Message(api.PrepareError(statement)));
        (row, rows) = (-1, 0);
        (executed, ended) = (true, false);
        fixed (DuckDbResult* held = &result)
            if (api.ExecuteStreaming(statement, held) != 0) throw Fault(Message(api.ResultError(held)));
    }

    void Finish()
    {
        ReleaseChunk();
        fixed (DuckDbResult* held = &result)
            if (executed) api.DestroyResult(held);
        executed = false;
        nint prepared = statement;
        if (prepared != 0) api.DestroyPrepare(&prepared);
        statement = 0;
    }

    void ReleaseChunk()
    {
        nint held = chunk;
        if (held != 0) api.DestroyChunk(&held);
        chunk = 0;
    }

    static string Message(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";

    InvalidDataException Fault(string reason) =>
        new($"'{path}' cannot be read ({string.Join(' ', reason.Split("LINE 1:")[0].Split((char[])['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).TrimEnd('.')}); fetch it again, or leave it out.");
}
