namespace NanoGpt.Distributed.Tests;

public class WatchdogTests
{
    readonly Watchdog watchdog = new(["a", "b", "c"], [0, 1, 2], start: 0);

    void Hear(int rank, double now, long moves, string waitsIn = "", int patience = 1, string activity = "training") =>
        watchdog.Hear(new Beat(rank, 17, moves, patience, false, false, activity, waitsIn), now);

    /// <summary>Twice a second; returns when the watchdog speaks, and what.</summary>
    (double At, string? Verdict) Run(double until, Action<double> beats)
    {
        for (double now = 0.5; now <= until; now += 0.5)
        {
            beats(now);
            if (watchdog.Judge(now, 10) is { } verdict) return (now, verdict);
        }
        return (until, null);
    }

    [Fact]
    public void A_rank_that_falls_silent_is_named_with_host_step_and_who_waits_where()
    {
        var (at, verdict) = Run(60, now =>
        {
            Hear(0, now, (long)now, now > 5 ? "the gradients, bucket 3" : "");
            if (now < 4) Hear(1, now, (long)now);
            Hear(2, now, (long)now, now > 5 ? "the gradients, bucket 3" : "");
        });
        Assert.InRange(at, 13, 14);
        Assert.Matches(@"^rank 1 on b has given no sign of life for 1[01] s \(at step 17, training\); waiting in 'the gradients, bucket 3': ranks 0, 2; the job ends here", verdict);
    }

    [Fact]
    public void Who_is_told_to_stop_names_a_silent_rank_sooner()
    {
        for (int rank = 0; rank < 3; rank++) Hear(rank, 0.5, 1);
        Assert.Null(watchdog.Judge(1, 10, silence: 5));
        for (double now = 2; now <= 6; now++)
        {
            Hear(0, now, (long)now);
            Hear(2, now, (long)now);
            if (now < 6) Assert.Null(watchdog.Judge(now, 10, silence: 5));
        }
        Assert.Null(watchdog.Judge(6, 10));
        Assert.StartsWith("rank 1 on b has given no sign of life for 6 s", watchdog.Judge(6, 10, silence: 5));
    }

    [Fact]
    public void A_rank_that_neither_waits_nor_gets_on_is_named()
    {
        var (at, verdict) = Run(60, now =>
        {
            Hear(0, now, 1, "the loss of a step");
            Hear(1, now, (long)now, "the loss of a step");
            Hear(2, now, moves: now < 3 ? (long)(2 * now) : 5);
        });
        Assert.InRange(at, 12.5, 13.5);
        Assert.Matches(@"^rank 2 on c has not got on for 1[01] s, though it waits for nobody \(at step 17, training\)", verdict);
    }

    [Fact]
    public void Who_computes_or_is_patient_is_left_in_peace()
    {
        Assert.Null(Run(60, now =>
        {
            Hear(0, now, moves: (long)(now / 8));
            Hear(1, now, 1, patience: 20, activity: "saving a checkpoint");
            Hear(2, now, 1, "the checkpoint of rank 0");
        }).Verdict);
    }

    [Fact]
    public void A_watchdog_that_was_held_up_itself_blames_nobody()
    {
        foreach (int rank in (int[])[0, 1, 2]) Hear(rank, 1, 1);
        Assert.Null(watchdog.Judge(1, 10));
        Assert.Null(watchdog.Judge(1000, 10));          // it slept; so, maybe, did all
        double now = 1000;
        while (watchdog.Judge(now += 0.5, 10) is null) Assert.True(now < 1020);
        Assert.InRange(now, 1010, 1011);                // and then nobody spoke any more
    }

    [Fact]
    public void A_rank_that_is_gone_is_named_with_the_step_of_the_witness()
    {
        Hear(0, 0.5, 1, "the gradients, bucket 3");
        Hear(1, 0.5, 1);
        Assert.StartsWith("rank 1 on b is gone: its process was killed or has crashed (rank 2 was at step 18, evaluating); waiting in 'the gradients, bucket 3': rank 0; the job ends here",
            watchdog.Gone(1, new Beat(2, 18, 1, 1, false, false, "evaluating", "")));
    }

    [Fact]
    public void A_process_that_is_gone_is_noticed_by_the_lowest_rank_of_its_host()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Processes are not looked at on Windows.");
        using var victim = System.Diagnostics.Process.Start("sleep", "60");
        string mine = LocalProcesses.Identity, space = mine.Split(' ')[1];
        string[] hosts = ["a", "a", "a", "b"], identities = [mine, mine, $"{victim.Id} {space}", "1 elsewhere"];
        LocalProcesses lowest = new(0, hosts, identities), second = new(1, hosts, identities), far = new(3, hosts, identities);
        Assert.Equal([1, 2], lowest.Ranks);
        Assert.Null(lowest.Gone());
        victim.Kill();
        victim.WaitForExit();
        Assert.Equal(2, lowest.Gone());
        Assert.Null(second.Gone());
        Assert.Null(far.Gone());
        Assert.Null(new LocalProcesses(0, ["a", "a"], [mine, $"{victim.Id} another-container"]).Gone());
    }

    [Fact]
    public void A_beat_survives_the_wire()
    {
        var beat = new Beat(3, 1L << 40, 5, 7, true, true, "evaluating", "the gradients, bucket 3");
        var bytes = new byte[Beat.Bytes];
        beat.Write(bytes);
        Assert.Equal(beat, Beat.Read(bytes));
        (beat with { Activity = new string('ä', 100) }).Write(bytes);
        Assert.Equal(new string('ä', 30), Beat.Read(bytes).Activity);
    }
}
