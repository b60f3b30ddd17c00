using NanoGpt.Models;

namespace NanoGpt.Training;

/// <summary>Everything of a run that is not a tensor. Random numbers are counter-based, so there is no generator to save.</summary>
public sealed record CheckpointState
{
    /// <summary>Optimizer steps done; the resumed run continues with the iteration of this number.</summary>
    public required int IterNum { get; init; }

    /// <summary>The smallest validation loss so far, in nats per token; infinite before the first evaluation.</summary>
    public required double BestValLoss { get; init; }

    /// <summary>The resolved configuration of the run.</summary>
    public required TrainConfig Config { get; init; }

    /// <summary>The model.</summary>
    public required GptConfig Model { get; init; }

    /// <summary>What the run is trained on, tokenizer included, in a form that changes when the data does: for example name and hash.</summary>
    public required string DataIdentity { get; init; }

    /// <summary>The part of <see cref="DataIdentity"/> that says what the tokens mean: name and hash of the tokenizer; null where the data did not say.</summary>
    public string? TokenizerIdentity
    {
        get
        {
            string[] words = DataIdentity.Split(' ');
            int train = Array.FindIndex(words, word => word.StartsWith("train:", StringComparison.Ordinal));
            return train >= 2 ? words[train - 1] : null;
        }
    }

    /// <summary>The losses that <see cref="OutlierSteps"/> judges the next by; empty where no step is judged.</summary>
    public IReadOnlyList<double> RecentLosses { get; init; } = [];

    /// <summary>The gradient norms that it judges the next by.</summary>
    public IReadOnlyList<double> RecentNorms { get; init; } = [];

    /// <summary>Version of this product that wrote the checkpoint.</summary>
    public string Version { get; init; } = typeof(CheckpointState).Assembly.GetName().Version!.ToString(3);
}
