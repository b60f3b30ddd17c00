namespace NanoGpt.Tensors;

/// <summary>
/// A named trainable tensor: a slice of the flat values and the flat gradients of a <see cref="ParameterStore"/>.
/// It has no memory until a store takes it in.
/// </summary>
public sealed class Parameter : Tensor
{
    /// <summary>A parameter that starts from N(0, <paramref name="std"/>²), or from a constant where <paramref name="std"/> is 0.</summary>
    public Parameter(string name, Shape shape, float std = 0, float constant = 0) : base(null, shape, default)
    {
        Name = name;
        Std = std;
        Constant = constant;
    }

    /// <summary>The name, as PyTorch's modules would give it: <c>transformer.h.0.attn.c_attn.weight</c>.</summary>
    public string Name { get; private set; }

    /// <summary>Gives it a name within a larger module.</summary>
    /// <exception cref="InvalidOperationException">It belongs to a store already.</exception>
    public void Rename(string name)
    {
        if (!Data.IsNone) throw new InvalidOperationException($"{Name} belongs to a store: its name is settled.");
        Name = name;
    }

    /// <summary>The values, for an operation to read.</summary>
    /// <exception cref="InvalidOperationException">It belongs to no store.</exception>
    internal Storage Values => Data.IsNone ? throw new InvalidOperationException($"{Name} has no values: give it to a {nameof(ParameterStore)} first.") : Data;

    /// <summary>Standard deviation at the start.</summary>
    public float Std { get; set; }

    /// <summary>The value at the start, where <see cref="Std"/> is 0.</summary>
    public float Constant { get; }

    /// <summary>Whether anything has flowed into the gradient since it was last zeroed; until then its memory is not to be read.</summary>
    public bool HasGradient { get; internal set; }

    /// <summary>Whether its values are bf16, two to an element of its storage: <see cref="ParameterStore.Narrow"/> made them so.</summary>
    public bool IsNarrow { get; internal set; }

    /// <summary>Whether it stays as it is: its gradient counts as zero, and no optimizer touches it (PyTorch's <c>requires_grad = False</c>).</summary>
    public bool Frozen { get; set; }

    /// <summary>Whether weight decay applies: to matrices, not to biases and gains (as nanoGPT).</summary>
    public bool Decays => Shape.Rank >= 2;
}
