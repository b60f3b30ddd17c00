namespace NanoGpt.Data;

/// <summary>What preparation is doing.</summary>
public enum PrepareStage
{
    /// <summary>The source comes over the network.</summary>
    Download,

    /// <summary>Text is taken out of another format.</summary>
    Extract,

    /// <summary>The vocabulary is collected.</summary>
    Count,

    /// <summary>Tokens are written.</summary>
    Encode,

    /// <summary>Token files are read through.</summary>
    Verify,
}

/// <summary>How far preparation is, reported often enough to show a rate and the time left.</summary>
/// <param name="Stage">What it is doing.</param>
/// <param name="Done">Bytes of source dealt with in this stage.</param>
/// <param name="Total">Bytes of source in this stage.</param>
/// <param name="Tokens">Tokens written so far, where there are any.</param>
public readonly record struct PrepareProgress(PrepareStage Stage, long Done, long Total, long Tokens = 0);
