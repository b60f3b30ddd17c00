namespace NanoGpt.Data.Tests;

/// <summary>Hears progress where it happens; <see cref="Progress{T}"/> would hear it later and elsewhere.</summary>
sealed class Listener(Action<PrepareProgress> hear) : IProgress<PrepareProgress>
{
    public void Report(PrepareProgress value) => hear(value);
}
