namespace NanoGpt.Distributed;

/// <summary>How gradients travel between ranks.</summary>
public enum WireFormat
{
    /// <summary>As they are.</summary>
    Float32,

    /// <summary>Rounded to bf16 (nearest, ties to even), summed in fp32: half the bytes.</summary>
    BFloat16,
}
