using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Tensors.Tests;

public unsafe class WorkerPoolTests
{
    /// <summary>Counts how often each item is done.</summary>
    readonly struct CountWork(int* counts) : IWork
    {
        public void Run(int from, int to)
        {
            for (int i = from; i < to; i++) Interlocked.Increment(ref counts[i]);
        }
    }

    /// <summary>Counts, and fails at one item.</summary>
    readonly struct FailingWork(int* counts, int failing) : IWork
    {
        public void Run(int from, int to)
        {
            for (int i = from; i < to; i++)
            {
                if (i == failing) throw new InvalidOperationException($"Item {i} failed.");
                Interlocked.Increment(ref counts[i]);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void What_is_done_is_counted_while_a_kernel_goes_on(int workers)
    {
        using var pool = new WorkerPool(workers);
        var done = new int[40];
        long seen = 0;
        int looks = 0;
        using var kernel = Task.Run(() =>
        {
            fixed (int* threads = done) pool.Run(40, 1, new WhoWork(threads));
        }, TestContext.Current.CancellationToken);
        while (!kernel.IsCompleted)
        {
            long now = pool.Done;
            Assert.InRange(now, seen, 40);
            if (now > seen && now < 40) looks++;
            seen = now;
        }
        Assert.True(looks > 3, $"it grew {looks} times");
        Assert.Equal(40, pool.Done);
    }

    /// <summary>Notes which threads took part; items take long enough that everybody gets one.</summary>
    readonly struct WhoWork(int* threads) : IWork
    {
        public void Run(int from, int to)
        {
            for (int i = from; i < to; i++)
            {
                threads[i] = Environment.CurrentManagedThreadId;
                Thread.Sleep(2);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void Every_item_is_done_exactly_once(int workers)
    {
        using var pool = new WorkerPool(workers);
        foreach (int items in (int[])[0, 1, 2, 3, 7, 64, 1000, 4099])
            foreach (int grain in (int[])[1, 2, 7, 64, 5000])
            {
                var counts = new int[items + 1];
                fixed (int* p = counts) pool.Run(items, grain, new CountWork(p));
                Assert.All(counts[..items], count => Assert.Equal(1, count));
                Assert.Equal(0, counts[items]);
            }
    }

    /// <summary>Pauses between jobs make workers fall asleep and wake at every stage, more workers than cores hold some of them up.</summary>
    [Theory(Timeout = 60_000)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public Task Thousands_of_short_jobs_wake_every_sleeper(int workers) => Task.Run(() =>
    {
        using var pool = new WorkerPool(workers);
        var random = new Random(workers);
        var counts = new int[16];
        int jobs = 4000 / workers;
        fixed (int* p = counts)
        {
            for (int job = 0; job < jobs; job++)
            {
                pool.Run(counts.Length, 1, new CountWork(p));
                if (job % 4 == 0) Thread.SpinWait(random.Next(1, 20_000));
                if (job % 100 == 0) Thread.Sleep(1);
            }
        }
        Assert.All(counts, count => Assert.Equal(jobs, count));
    }, TestContext.Current.CancellationToken);

    [Fact]
    public void Workers_that_slept_take_part_again()
    {
        using var pool = new WorkerPool(3);
        for (int round = 0; round < 3; round++)
        {
            Thread.Sleep(30);
            var threads = new int[60];
            fixed (int* p = threads) pool.Run(threads.Length, 1, new WhoWork(p));
            Assert.Equal(3, threads.Distinct().Count());
            Assert.Contains(Environment.CurrentManagedThreadId, threads);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void An_exception_reaches_the_caller_and_the_pool_stays_usable(int workers)
    {
        using var pool = new WorkerPool(workers);
        for (int failing = 0; failing < 40; failing += 13)
        {
            var counts = new int[40];
            fixed (int* p = counts)
            {
                var work = new FailingWork(p, failing);
                var thrown = Assert.Throws<InvalidOperationException>(() => pool.Run(40, 1, work));
                Assert.Contains($"Item {failing} failed.", thrown.Message, StringComparison.Ordinal);
            }
            Assert.Equal(0, counts[failing]);

            Array.Clear(counts);
            fixed (int* p = counts) pool.Run(40, 1, new CountWork(p));
            Assert.All(counts, count => Assert.Equal(1, count));
        }
    }

    static readonly System.Collections.Concurrent.ConcurrentDictionary<ScratchBuffer, int> buffers = [];

    /// <summary>Makes each thread that takes part ask for working memory.</summary>
    readonly struct ScratchWork : IWork
    {
        public void Run(int from, int to)
        {
            Assert.True(ScratchBuffer.OfThread.Get(100) != null);
            buffers[ScratchBuffer.OfThread] = Environment.CurrentManagedThreadId;
            Thread.Sleep(2);
        }
    }

    [Fact]
    public void Dispose_gives_back_the_working_memory_of_its_threads()
    {
        buffers.Clear();
        using (var pool = new WorkerPool(3)) pool.Run(60, 1, new ScratchWork());
        var others = buffers.Where(b => b.Value != Environment.CurrentManagedThreadId).Select(b => b.Key).ToArray();
        Assert.Equal(2, others.Length);
        Assert.All(others, buffer => Assert.True(buffer.Get(0) == null));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(50)]
    public void Dispose_ends_the_threads_whether_they_spin_or_sleep(int pauseMilliseconds)
    {
        int before = System.Diagnostics.Process.GetCurrentProcess().Threads.Count;
        for (int n = 0; n < 10; n++)
        {
            var pool = new WorkerPool(4);
            var counts = new int[8];
            fixed (int* p = counts) pool.Run(8, 1, new CountWork(p));
            Thread.Sleep(pauseMilliseconds);
            pool.Dispose();
        }
        Assert.True(System.Diagnostics.Process.GetCurrentProcess().Threads.Count < before + 10);
    }
}
