namespace NanoGpt.Distributed;

/// <summary>
/// Notices a rank that is lost: silent (killed, cut off, frozen as a whole), or alive but neither waiting for others nor getting on
/// with its own work. A rank gets on if it says what it does next, or what it has computed grows. That it keeps a processor busy is not
/// enough: so does an endless loop.
/// </summary>
/// <param name="hosts">The host of each rank.</param>
/// <param name="watched">The ranks to watch.</param>
/// <param name="start">The time, in seconds of any clock.</param>
internal sealed class Watchdog(IReadOnlyList<string> hosts, IReadOnlyList<int> watched, double start)
{
    const double Asleep = 2;            // seconds between two looks from which on the watchdog has slept itself
    const double Fresh = 2;             // seconds after which a beat says nothing any more

    readonly Beat?[] last = new Beat?[hosts.Count];
    readonly double[] heard = [.. hosts.Select(_ => start)], moved = [.. hosts.Select(_ => start)];
    double looked = start;

    /// <summary>Takes a beat in.</summary>
    public void Hear(Beat beat, double now)
    {
        int rank = beat.Rank;
        if (beat.WaitsIn.Length > 0 || last[rank]?.Moves != beat.Moves) moved[rank] = now;
        (last[rank], heard[rank]) = (beat, now);
    }

    /// <summary>A sentence about a rank whose process is gone.</summary>
    /// <param name="rank">The rank.</param>
    /// <param name="witness">Who noticed, and where the run is: a last beat may be half a second old.</param>
    public string Gone(int rank, Beat witness) => Sentence(rank, "is gone: its process was killed or has crashed", $"rank {witness.Rank} was {Place(witness)}");

    /// <summary>Looks at every rank; returns a sentence about one that is lost, or null.</summary>
    /// <param name="now">The time.</param>
    /// <param name="limit">Seconds for which a rank may be silent or not get on; 0: for ever.</param>
    /// <param name="silence">Seconds for which it may be silent, where that is less.</param>
    public string? Judge(double now, double limit, double silence = double.PositiveInfinity)
    {
        double slept = now - looked;
        looked = now;
        if (slept > Asleep)
        {
            // This process, and maybe the whole job, was held up: that is nobody's fault.
            foreach (int rank in watched) (heard[rank], moved[rank]) = (heard[rank] + slept, moved[rank] + slept);
        }
        if (limit <= 0) return null;
        foreach (int rank in watched)
        {
            // A rank that fell silent has not got on either; the first is what there is to say.
            if (now - heard[rank] > Math.Min(limit, silence)) return Sentence(rank, $"has given no sign of life for {now - heard[rank]:0} s");
            if (now - heard[rank] < Fresh && now - moved[rank] > limit * (last[rank]?.Patience ?? 1)) return Sentence(rank, $"has not got on for {now - moved[rank]:0} s, though it waits for nobody");
        }
        return null;
    }

    static string Place(Beat beat) => $"{(beat.Step < 0 ? "before the first step" : $"at step {beat.Step}")}, {beat.Activity}";

    string Sentence(int lost, string fault, string? where = null)
    {
        where ??= last[lost] is { } beat ? Place(beat) : "before its first word";
        var waiting = last.OfType<Beat>().Where(other => other.Rank != lost && other.WaitsIn.Length > 0).GroupBy(other => other.WaitsIn)
            .Select(group => $"waiting in '{group.Key}': rank{(group.Count() == 1 ? "" : "s")} {string.Join(", ", group.Select(other => other.Rank))}");
        return string.Join("; ", [$"rank {lost} on {hosts[lost]} {fault} ({where})", .. waiting, "the job ends here; the last checkpoint is good, resume it."]);
    }
}
