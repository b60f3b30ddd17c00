using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Microsoft.Win32.SafeHandles;
using NanoGpt.Data;

namespace NanoGpt.Cli;

/// <summary>How fast a folder's disk takes and gives bytes: a file is written, flushed to the disk, dropped from memory and read again.</summary>
static partial class Disk
{
    const int BlockBytes = 4 << 20, BlocksPerFlush = 8;
    const long LargestBytes = 256L << 20;
    const double Slow = 100e6;          // bytes per second under which checkpoints are felt
    const double CheckpointBytes = 1.5e9;

    static readonly TimeSpan longest = TimeSpan.FromSeconds(4);

    public static Check Of(string folder) => new("disk", () => Measure(folder));

    static Finding Measure(string folder)
    {
        string path = FreeSpace.NearestFolder(folder)           // a run makes its folder itself
            ?? throw new DirectoryNotFoundException($"'{Path.GetPathRoot(Path.GetFullPath(folder))}' is not there; choose another out_dir");
        long? free = FreeSpace.Of(path);
        string room = free is { } bytesFree ? $"{Units.Bytes(bytesFree)} free" : "free space unknown,";
        if (free < 2 * LargestBytes)
            return new($"{room} in {path}", new JsonObject { ["free_bytes"] = free }, "that is too little for checkpoints, and to measure; make room, or choose another out_dir");
        using var file = new FileStream(Path.Combine(path, $".nanogpt-doctor-{Environment.ProcessId}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, 0);
        File.Delete(file.Name);         // whatever happens, nothing of it remains
        byte[] block = new byte[BlockBytes];
        Random.Shared.NextBytes(block);
        long start = Stopwatch.GetTimestamp(), bytes = 0;
        while (bytes < LargestBytes && Stopwatch.GetElapsedTime(start) < longest)
        {
            for (int i = 0; i < BlocksPerFlush; i++) file.Write(block);
            file.Flush(flushToDisk: true);
            bytes += BlocksPerFlush * BlockBytes;
        }
        double write = bytes / Stopwatch.GetElapsedTime(start).TotalSeconds;
        bool dropped = OperatingSystem.IsLinux() && posix_fadvise(file.SafeFileHandle, 0, 0, DontNeed) == 0;
        file.Position = 0;
        start = Stopwatch.GetTimestamp();
        long got = 0;
        while (Stopwatch.GetElapsedTime(start) < longest && file.Read(block) is > 0 and int count) got += count;
        double read = got / Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new($"write {Units.Bytes(write)}/s, read {Units.Bytes(read)}/s{(dropped ? "" : " (maybe from memory)")}, {room} in {path}",
            new JsonObject { ["write_mb_per_s"] = Math.Round(write / 1e6, 1), ["read_mb_per_s"] = Math.Round(read / 1e6, 1), ["free_bytes"] = free, ["path"] = path },
            write < Slow ? $"a checkpoint of GPT-2 124M (1.5 GB) takes {CheckpointBytes / write:0} s here; a local or scratch disk as out_dir is better" : null);
    }

    const int DontNeed = 4;         // POSIX_FADV_DONTNEED

    [LibraryImport("libc")]
    private static partial int posix_fadvise(SafeFileHandle file, long offset, long length, int advice);
}
