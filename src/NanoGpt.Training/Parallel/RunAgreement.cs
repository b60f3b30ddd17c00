using System.Reflection;
using NanoGpt.Data;
using NanoGpt.Distributed;
using NanoGpt.Models;
using NanoGpt.Tensors;

namespace NanoGpt.Training;

/// <summary>The ranks of a run must agree about what they do; they compare it before they begin.</summary>
public static class RunAgreement
{
    /// <summary>Compares configuration, checkpoint and program.</summary>
    /// <exception cref="InvalidDataException">They differ; every rank gets the same sentence, which says in what.</exception>
    public static void Check(Communicator ranks, TrainConfig config, Checkpoint? checkpoint) => Check(ranks,
    [
        .. ConfigKey.All.Where(key => key.Name != "threads").Select(key => $"{key.Name}={key.Format(config)}"),
        $"checkpoint={checkpoint?.StateSum ?? "none"}",
        $"program={Program}",
    ]);

    /// <summary>Compares the data.</summary>
    /// <exception cref="InvalidDataException">They differ; every rank gets the same sentence, which says in what.</exception>
    public static void Check(Communicator ranks, TrainConfig config, TokenDataset data) => Check(ranks, [$"data={data.Identity(config.Order)}"]);

    /// <summary>What the program was built from: a hash of each of its parts, down from the one that was started.</summary>
    static string Program => string.Join('-', new[] { Assembly.GetEntryAssembly(), typeof(TrainConfig).Assembly, typeof(Gpt).Assembly, typeof(Tape).Assembly, typeof(TokenDataset).Assembly, typeof(Communicator).Assembly }
        .OfType<Assembly>().Select(part => part.ManifestModule.ModuleVersionId.ToString("N")[..8]));

    static void Check(Communicator ranks, string[] mine)
    {
        string[][] all = [.. ranks.AllGather(string.Join('\n', mine), "what each rank is about to do").Select(text => text.Split('\n'))];
        if (Difference(all, ranks.Hosts) is { } difference) throw new InvalidDataException(difference);
    }

    /// <summary>In what ranks differ from rank 0, as a sentence; null where they do not.</summary>
    /// <param name="all">The lines <c>name=value</c> of each rank.</param>
    /// <param name="hosts">The host of each rank.</param>
    public static string? Difference(IReadOnlyList<string[]> all, IReadOnlyList<string> hosts)
    {
        var differences = Enumerable.Range(1, all.Count - 1)
            .Select(rank => (Rank: rank, Lines: all[rank].Except(all[0]).ToList(), First: all[0].Except(all[rank]).ToList()))
            .Where(difference => difference.Lines.Count + difference.First.Count > 0).ToList();
        if (differences.Count == 0) return null;
        const int shown = 3;
        string list = string.Join("; ", differences.Take(shown).Select(d => $"rank {d.Rank} on {hosts[d.Rank]} has {string.Join(", ", d.Lines)}, but rank 0 on {hosts[0]} {string.Join(", ", d.First)}"));
        string more = differences.Count > shown ? $"; and so {differences.Count - shown} more" : "";
        return $"The ranks do not agree: {list}{more}; start all with the same command, data and program.";
    }
}
