namespace NanoGpt.Tensors;

/// <summary>
/// A dense fp32 (or int32, for token ids) array on one device. Row-major, contiguous; no views, strides or broadcasting.
/// Activations belong to a <see cref="Tape"/> and live until it is reset; a <see cref="Parameter"/> belongs to a
/// <see cref="ParameterStore"/> and lives as long as the model.
/// </summary>
public class Tensor
{
    internal Tensor(Tape? tape, Shape shape, Storage data)
    {
        TapeOrNull = tape;
        Shape = shape;
        Data = data;
    }

    /// <summary>The sizes, for example (B, T, C).</summary>
    public Shape Shape { get; }

    /// <summary>The values.</summary>
    public Storage Data { get; internal set; }

    /// <summary>The gradient of the loss with respect to the values; none until something has flowed back.</summary>
    public Storage Grad { get; internal set; }

    internal Tape? TapeOrNull { get; }

    /// <summary>The tape that this activation was made on.</summary>
    /// <exception cref="InvalidOperationException">The tensor is a parameter.</exception>
    public Tape Tape => TapeOrNull ?? throw new InvalidOperationException("A parameter has no tape: start the computation from an input of the tape.");

    /// <summary>a + b, element by element.</summary>
    public static Tensor operator +(Tensor a, Tensor b) => Ops.Add(a, b);

    /// <summary>Copies the values out.</summary>
    public float[] ToArray()
    {
        var values = new float[Shape.Count];
        Tape.Device.Read(Data, values);
        return values;
    }

    /// <summary>The value of a tensor of one element.</summary>
    /// <exception cref="InvalidOperationException">It has more or fewer.</exception>
    public float Item()
    {
        if (Shape.Count != 1) throw new InvalidOperationException($"A tensor {Shape} has {Shape.Count} elements, not one.");
        Span<float> value = [0];
        Tape.Device.Read(Data, value);
        return value[0];
    }
}
