using System.Text.Json;
using System.Text.RegularExpressions;

namespace NanoGpt.Training.Tests;

public sealed partial class MetricsLogTests : IDisposable
{
    readonly TemporaryFolder folder = new();
    int clock;

    public void Dispose() => folder.Dispose();

    string Log => folder.File("metrics.jsonl");
    string[] Untimed => [.. File.ReadLines(Log).Select(line => Timings().Replace(line, ""))];

    /// <summary>A run as the trainer does it: evaluate, checkpoint, step; returns the iteration of the last checkpoint before it is killed.</summary>
    int Train(MetricsLog log, int from, int kill, int interval = 5, bool again = false)
    {
        int checkpoint = from;
        for (int iter = from; iter <= 23; iter++)
        {
            if (iter == kill)
                return checkpoint;
            if (iter % interval == 0)
            {
                if (again || log.LastEvaluation != iter)
                    log.Evaluation(iter, 3.0 / (iter + 1), Math.Sqrt(iter));
                checkpoint = iter;
            }
            log.Training(iter, 1.0 / (iter + 1), 1e-3 * iter, Math.Sqrt(iter + 1), 1000 + clock++, 12.5 * clock);
        }
        return checkpoint;
    }

    [Fact]
    public void Lines_have_the_keys_and_shortest_numbers()
    {
        using (var log = MetricsLog.Start(folder.Path))
        {
            log.Evaluation(0, 4.25, 1.0 / 3);
            log.Training(0, 0.1, 6e-5, 1, 12345.5, 80);
            log.Training(1, double.NaN, 0, double.PositiveInfinity, 1e21, 1e-7);
        }
        Assert.Equal("""
            {"iter":0,"train_loss":4.25,"val_loss":0.3333333333333333}
            {"iter":0,"loss":0.1,"lr":6E-05,"grad_norm":1,"tokens_per_second":12345.5,"ms":80}
            {"iter":1,"loss":null,"lr":0,"grad_norm":null,"tokens_per_second":1E+21,"ms":1E-07}

            """.ReplaceLineEndings("\n"), File.ReadAllText(Log));
        Assert.All(File.ReadLines(Log), line => JsonDocument.Parse(line).Dispose());
    }

    [Fact]
    public void Every_line_is_there_at_once_for_another_reader()
    {
        using var log = MetricsLog.Start(folder.Path);
        log.Evaluation(0, 1, 2);
        using var reader = new StreamReader(new FileStream(Log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        Assert.Equal("""{"iter":0,"train_loss":1,"val_loss":2}""", reader.ReadLine());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_run_killed_anywhere_and_resumed_has_the_file_of_one_never_stopped(bool evaluatesAgain)
    {
        using (var log = MetricsLog.Start(folder.Path))
            Train(log, 0, kill: -1);
        string[] whole = Untimed;
        for (int kill = 0; kill <= 23; kill++)
            for (int second = kill; second <= 23; second += 3)
            {
                int checkpoint;
                using (var log = MetricsLog.Start(folder.Path))
                    checkpoint = Train(log, 0, kill);
                using (var log = MetricsLog.Resume(folder.Path, checkpoint, bestValLoss: 0))
                    checkpoint = Train(log, checkpoint, second, again: evaluatesAgain);
                using (var log = MetricsLog.Resume(folder.Path, checkpoint, bestValLoss: 0))
                    Train(log, checkpoint, kill: -1, again: evaluatesAgain);
                Assert.Equal(whole, Untimed);
            }
    }

    [Fact]
    public void A_checkpoint_between_evaluations_keeps_exactly_the_steps_before_it()
    {
        using (var log = MetricsLog.Start(folder.Path))
            Train(log, 0, kill: -1);
        string[] whole = Untimed;
        for (int checkpoint = 0; checkpoint <= 23; checkpoint++)
        {
            using (var log = MetricsLog.Resume(folder.Path, checkpoint, bestValLoss: 0))
            {
                Assert.Equal(checkpoint / 5 * 5, log.LastEvaluation);
                Train(log, checkpoint, kill: -1);
            }
            Assert.Equal(whole, Untimed);
        }
    }

    /// <summary>It was found to be the best, but could not be saved.</summary>
    [Theory]
    [InlineData(20, 4.5, 15)]
    [InlineData(20, double.PositiveInfinity, 15)]
    [InlineData(20, 4.4, 20)]
    [InlineData(21, 4.5, 20)]
    public void An_evaluation_better_than_the_best_of_its_checkpoint_is_done_again(int checkpoint, double bestValLoss, int lastEvaluation)
    {
        using (var log = MetricsLog.Start(folder.Path))
            Train(log, 0, kill: -1);
        string[] whole = Untimed;
        using (var log = MetricsLog.Resume(folder.Path, checkpoint, bestValLoss))
        {
            Assert.Equal(lastEvaluation, log.LastEvaluation);
            Train(log, checkpoint, kill: -1);
        }
        Assert.Equal(whole, Untimed);
    }

    [Fact]
    public void A_torn_last_line_is_dropped_wherever_it_is_torn()
    {
        using (var log = MetricsLog.Start(folder.Path))
            Train(log, 0, kill: 12);
        byte[] good = File.ReadAllBytes(Log);
        int lastLine = Array.LastIndexOf(good, (byte)'\n', good.Length - 2) + 1;
        for (int length = lastLine; length < good.Length; length++)
        {
            File.WriteAllBytes(Log, good[..length]);
            MetricsLog.Resume(folder.Path, 20, bestValLoss: 0).Dispose();
            Assert.Equal(good[..lastLine], File.ReadAllBytes(Log));
        }
        File.WriteAllBytes(Log, [.. good, .. new byte[40]]);
        MetricsLog.Resume(folder.Path, 20, bestValLoss: 0).Dispose();
        Assert.Equal(good, File.ReadAllBytes(Log));
        File.WriteAllBytes(Log, [.. good, .. "{\"iter\":\n"u8]);
        MetricsLog.Resume(folder.Path, 20, bestValLoss: 0).Dispose();
        Assert.Equal(good, File.ReadAllBytes(Log));
    }

    [Fact]
    public void Nonsense_between_the_lines_names_the_line_and_touches_nothing()
    {
        folder.Write("metrics.jsonl", "{\"iter\":0,\"loss\":1}\n[1]\n{\"iter\":1,\"loss\":1}\n");
        string before = File.ReadAllText(Log);
        Assert.StartsWith($"{Log}:2: ", Assert.Throws<InvalidDataException>(() => MetricsLog.Resume(folder.Path, 5, bestValLoss: 0)).Message);
        Assert.Equal(before, File.ReadAllText(Log));
    }

    [Fact]
    public void Resuming_without_a_log_begins_one_and_starting_over_replaces_it()
    {
        using (var log = MetricsLog.Resume(folder.Path, 7, bestValLoss: 0))
            log.Training(7, 1, 1, 1, 1, 1);
        Assert.Single(File.ReadLines(Log));
        MetricsLog.Start(folder.Path).Dispose();
        Assert.Empty(File.ReadLines(Log));
    }

    [Fact]
    public void A_line_allocates_next_to_nothing()
    {
        using var log = MetricsLog.Start(folder.Path);
        log.Training(0, 1.5, 1e-3, 2.5, 1000, 10);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int iter = 1; iter <= 100; iter++)
            log.Training(iter, 1.5, 1e-3, 2.5, 1000, 10);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100 * 256);
    }

    [GeneratedRegex("\"tokens_per_second\".*")]
    private static partial Regex Timings();
}
