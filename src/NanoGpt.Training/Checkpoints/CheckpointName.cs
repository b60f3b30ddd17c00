using System.Globalization;

namespace NanoGpt.Training;

/// <summary>
/// The name of a checkpoint directory: <c>step-00000250</c>, or <c>step-00000250-2</c> where a run passed that step again
/// while the first is still there. Ordered by age: later step, then later copy.
/// </summary>
internal readonly record struct CheckpointName(int Step, int Copy) : IComparable<CheckpointName>
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"step-{Step:D8}{(Copy == 1 ? "" : $"-{Copy}")}");

    public static CheckpointName? TryParse(string text)
    {
        string[] parts = text.Split('-');
        if (parts.Length is not (2 or 3) || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int step))
            return null;
        int copy = 1;
        if (parts.Length == 3 && !int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out copy))
            return null;
        var name = new CheckpointName(step, copy);
        return name.ToString() == text ? name : null;
    }

    public int CompareTo(CheckpointName other) => (Step, Copy).CompareTo((other.Step, other.Copy));
}
