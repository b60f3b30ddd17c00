using NanoGpt.Tensors;

namespace NanoGpt.Models;

/// <summary>y = x · weightᵀ + bias.</summary>
public sealed class Linear : Module
{
    readonly Parameter weight;
    readonly Parameter? bias;

    /// <summary>A layer from <paramref name="inputs"/> to <paramref name="outputs"/>, starting from N(0, std²) with bias 0.</summary>
    public Linear(int inputs, int outputs, bool bias, double std)
    {
        weight = Register(new Parameter("weight", new Shape(outputs, inputs), (float)std));
        this.bias = bias ? Register(new Parameter("bias", new Shape(outputs))) : null;
    }

    /// <summary>(…, inputs) to (…, outputs).</summary>
    public Tensor Forward(Tensor x) => Ops.Linear(x, weight, bias);
}

/// <summary>Layer normalisation with a gain and an optional bias.</summary>
public sealed class LayerNorm : Module
{
    readonly Parameter weight;
    readonly Parameter? bias;

    /// <summary>A norm over <paramref name="channels"/>, starting from gain 1 and bias 0.</summary>
    public LayerNorm(int channels, bool bias)
    {
        weight = Register(new Parameter("weight", new Shape(channels), constant: 1));
        this.bias = bias ? Register(new Parameter("bias", new Shape(channels))) : null;
    }

    /// <summary>(…, C) to (…, C).</summary>
    public Tensor Forward(Tensor x) => Ops.LayerNorm(x, weight, bias);
}

/// <summary>A table of vectors.</summary>
public sealed class Embedding : Module
{
    /// <summary>A table (<paramref name="count"/>, <paramref name="channels"/>), starting from N(0, std²).</summary>
    public Embedding(int count, int channels, double std) => Weight = Register(new Parameter("weight", new Shape(count, channels), (float)std));

    /// <summary>The table.</summary>
    public Parameter Weight { get; }
}
