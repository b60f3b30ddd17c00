namespace NanoGpt.Data;

/// <summary>In which order training sees its data; the key <c>data_order</c>, in lower case.</summary>
public enum DataOrder
{
    /// <summary>nanoGPT's: every window that there is, drawn at random with replacement.</summary>
    Random,

    /// <summary>llm.c's: windows one beside the other, each once in an epoch, shards and the windows in them shuffled.</summary>
    Sequential,

    /// <summary>modded-nanogpt's <c>align_to_bos</c>: as <see cref="Sequential"/>, but each window starts where a document does.</summary>
    Document,
}
