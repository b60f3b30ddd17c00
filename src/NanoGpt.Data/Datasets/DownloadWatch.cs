namespace NanoGpt.Data;

/// <summary>Who looks on while something is downloaded.</summary>
/// <param name="Announce">Hears what is to be fetched.</param>
/// <param name="Progress">Hears how far it is.</param>
/// <param name="Stop">Stops it; what came is kept.</param>
public sealed record DownloadWatch(Action<string>? Announce = null, IProgress<PrepareProgress>? Progress = null, CancellationToken Stop = default);
