namespace NanoGpt.Data;

/// <summary>How a file of tokens is laid out.</summary>
public enum ShardFormat
{
    /// <summary>nanoGPT's <c>.bin</c>: <c>uint16</c> tokens and nothing else.</summary>
    NanoGpt,

    /// <summary>llm.c's and modded-nanogpt's <c>.bin</c>: a header of 256 <c>int32</c> (magic, version, count), then <c>uint16</c> tokens.</summary>
    LlmC,

    /// <summary>NumPy's <c>.npy</c> with one dimension, as build-nanogpt's shards.</summary>
    Npy,
}

/// <summary>The integers that tokens are stored as; all little-endian.</summary>
public enum TokenType
{
    /// <summary>2 bytes: vocabularies up to 65,536. What every <c>.bin</c> holds.</summary>
    UInt16,

    /// <summary>4 bytes, signed.</summary>
    Int32,

    /// <summary>4 bytes, unsigned.</summary>
    UInt32,

    /// <summary>8 bytes, signed: what NumPy makes of a list of integers.</summary>
    Int64,
}

static class TokenTypes
{
    public static int Size(this TokenType type) => type switch { TokenType.UInt16 => 2, TokenType.Int64 => 8, _ => 4 };
}
