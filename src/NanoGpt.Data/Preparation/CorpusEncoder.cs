using System.Collections.Concurrent;

namespace NanoGpt.Data;

/// <summary>
/// Encodes a corpus on many threads: one reads pieces, several turn them into tokens, and they come out in the order in which
/// they were read. A fixed number of pieces is under way, so memory is bounded for any corpus.
/// </summary>
internal sealed class CorpusEncoder(CorpusPlan plan, (int File, long Chunk) writtenBefore)
{
    /// <summary>How many pieces are under way.</summary>
    public static int JobsFor(int threads) => 2 * threads + 2;

    /// <summary>The pieces in their order. Each is valid until the next.</summary>
    public IEnumerable<EncodingJob> Encode(CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var free = new BlockingCollection<EncodingJob>();
        using var waiting = new BlockingCollection<EncodingJob>();   // for a worker
        using var ordered = new BlockingCollection<EncodingJob>();
        EncodingJob[] jobs = [.. Enumerable.Range(0, JobsFor(plan.Threads)).Select(_ => new EncodingJob())];
        foreach (EncodingJob job in jobs) free.Add(job, default);
        Task reading = Task.Factory.StartNew(() => Read(free, waiting, ordered, stop.Token), default, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Task[] working = [.. Enumerable.Range(0, plan.Threads).Select(_ => Task.Factory.StartNew(() =>
        {
            foreach (EncodingJob job in waiting.GetConsumingEnumerable(stop.Token)) job.Encode(plan);
        }, default, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        try
        {
            foreach (EncodingJob job in ordered.GetConsumingEnumerable(cancellation))
            {
                job.Wait(cancellation);
                yield return job;
                free.Add(job, default);
            }
            reading.GetAwaiter().GetResult();
        }
        finally
        {
            stop.Cancel();
            ((IAsyncResult)Task.WhenAll([reading, .. working])).AsyncWaitHandle.WaitOne();
            foreach (EncodingJob job in jobs) job.Dispose();
        }
    }

    void Read(BlockingCollection<EncodingJob> free, BlockingCollection<EncodingJob> waiting, BlockingCollection<EncodingJob> ordered, CancellationToken stop)
    {
        try
        {
            bool valAnywhere = plan.Split is ValSplit.Hashed; // else there is nothing to do before the point of restart
            for (int file = valAnywhere ? 0 : writtenBefore.File; file < plan.Files.Count; file++)
            {
                using DocumentReader reader = plan.Files[file].Open();
                for (long chunk = 0; ; chunk++)
                {
                    EncodingJob job = free.Take(stop);
                    job.Start(plan.Files[file], (file, chunk));
                    if (!reader.Read(job.Raw))
                    {
                        free.Add(job, stop);
                        break;
                    }
                    job.ValOnly = job.Place.CompareTo(writtenBefore) < 0;
                    if (job.ValOnly && !valAnywhere)
                    {
                        free.Add(job, stop);
                        continue;
                    }
                    ordered.Add(job, stop);
                    waiting.Add(job, stop);
                }
            }
        }
        finally
        {
            waiting.CompleteAdding();
            ordered.CompleteAdding();
        }
    }
}
