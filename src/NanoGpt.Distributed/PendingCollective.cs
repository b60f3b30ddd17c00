namespace NanoGpt.Distributed;

/// <summary>A collective that is under way.</summary>
public class PendingCollective
{
    /// <summary>One that is done already.</summary>
    public static PendingCollective Done { get; } = new();

    /// <summary>Returns when it is done on this rank.</summary>
    /// <exception cref="IOException">It cannot be done; the job has to end.</exception>
    public virtual void Wait() { }
}

/// <summary>A sum of one number of each rank that is under way.</summary>
public class PendingSum(double value)
{
    /// <summary>Waits for the sum, the same on every rank.</summary>
    /// <exception cref="IOException">It cannot be had; the job has to end.</exception>
    public virtual double Wait() => value;
}
