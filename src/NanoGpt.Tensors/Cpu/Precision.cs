namespace NanoGpt.Tensors.Cpu;

/// <summary>In which precision matrices are multiplied. Sums, weights, norms, softmax, loss and optimizer are fp32 in any case.</summary>
public enum Precision
{
    /// <summary>fp32 operands.</summary>
    Float32,

    /// <summary>Operands rounded to bf16 (nearest, ties to even), fp32 sums.</summary>
    BFloat16,
}
