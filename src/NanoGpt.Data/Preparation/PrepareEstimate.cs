using System.Diagnostics;
using System.Globalization;

namespace NanoGpt.Data;

/// <summary>What a preparation will take, judged by encoding the first few pieces of the corpus.</summary>
/// <param name="Tokens">How many tokens it will give.</param>
/// <param name="Disk">Bytes on the disk.</param>
/// <param name="Seconds">How long it will take.</param>
/// <param name="Memory">Bytes of memory, whatever the size of the corpus.</param>
internal sealed record PrepareEstimate(long Tokens, long Disk, double Seconds, long Memory)
{
    const int Pieces = 4;
    const long RuntimeBytes = 100L << 20;      // .NET, the program, the tokenizer's tables
    const long DuckDbBytes = 500L << 20;       // row groups that are unpacked

    /// <exception cref="InvalidDataException">All files are empty.</exception>
    public static PrepareEstimate Of(CorpusPlan plan)
    {
        if (plan.Bytes == 0) throw new InvalidDataException($"'{plan.Files[0].Path}'{(plan.Files.Count > 1 ? $" and the other {plan.Files.Count - 1:N0} files are" : " is")} empty; give files with text.");
        long start = Stopwatch.GetTimestamp(), tokens = 0, bytes = 1, largest = RawChunk.UsualBytes;
        DocumentFile file = plan.Files.FirstOrDefault(file => file.Bytes > 0) ?? plan.Files[0];
        using (DocumentReader reader = file.Open())
        using (var job = new EncodingJob())
        {
            for (int piece = 0; piece < Pieces; piece++)
            {
                job.Start(file, (0, piece));
                if (!reader.Read(job.Raw)) break;
                job.Encode(plan);
                job.Wait(default);
                tokens += job.Ids.Count;
                bytes = Math.Max(bytes, job.Raw.Position);
                largest = Math.Max(largest, job.Raw.Length);
            }
        }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds, scale = plan.Bytes / (double)Math.Min(bytes, file.Bytes);
        long memory = RuntimeBytes + CorpusEncoder.JobsFor(plan.Threads) * 4 * largest + (plan.Files.Any(one => one is ParquetFile) ? DuckDbBytes : 0);
        long all = (long)(tokens * scale);
        return new PrepareEstimate(all, all * plan.TokenType.Size(), seconds * scale / plan.Threads, memory);
    }

    /// <summary>Refuses where the tokens do not fit on the disk.</summary>
    /// <exception cref="IOException">They do not; the message says what is needed and what there is.</exception>
    public void CheckSpace(string directory)
    {
        if (FreeSpace.Of(directory) is { } free && free < Disk)
            throw new IOException(string.Create(CultureInfo.InvariantCulture, $"'{directory}' needs about {Disk / 1e6:N1} MB, but only {free / 1e6:N1} MB are free; make room, or choose another place with --out."));
    }

    public override string ToString()
    {
        FormattableString time = Seconds switch { < 60 => $"{Math.Ceiling(Seconds):N0} s", < 5400 => $"{Seconds / 60:N0} min", _ => $"{Seconds / 3600:N1} hours" };
        return string.Create(CultureInfo.InvariantCulture, $"about {Tokens / 1e6:N1}M tokens, {Disk / 1e6:N1} MB on the disk, {Memory / 1e6:N0} MB of memory, {FormattableString.Invariant(time)}");
    }
}
