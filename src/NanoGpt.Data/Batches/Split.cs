namespace NanoGpt.Data;

/// <summary>The two parts of a data set.</summary>
public enum Split
{
    /// <summary>What the model learns from: the first nine tenths.</summary>
    Train,

    /// <summary>What it is judged by: the last tenth.</summary>
    Val,
}
