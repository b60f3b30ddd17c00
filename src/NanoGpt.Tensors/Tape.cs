namespace NanoGpt.Tensors;

/// <summary>
/// Reverse-mode differentiation. While it records, every operation pushes the step that takes the gradient of its output
/// back to its inputs; <see cref="Backward"/> runs these steps in reverse. The tape also owns the memory of a step: what it
/// makes lives until <see cref="Reset"/>.
/// </summary>
/// <remarks>
/// Once around: <see cref="Reset"/>, <see cref="Tokens"/>, the model's forward, <see cref="Backward"/>.
/// Without recording (evaluation, sampling) nothing is pushed, and <see cref="Scope"/> gives memory back as soon as a
/// layer is done.
/// </remarks>
public sealed class Tape(Device device, ulong seed = 0) : IDisposable
{
    readonly Arena arena = new(device);
    readonly List<(Tensor Output, Action Step)> steps = [];
    GradientPool? pool;
    Storage randomStep;
    uint randomOperations;

    /// <summary>The device that computes.</summary>
    public Device Device { get; } = device;

    /// <summary>Whether operations push their way back; set it before the first operation.</summary>
    public bool Recording { get; set; }

    /// <summary>
    /// What one unit of loss counts in the gradient, 1 / gradient_accumulation_steps. It must be known on the way forward:
    /// the output head forms its gradients as it computes the loss.
    /// </summary>
    public float LossScale { get; set; } = 1;

    /// <summary>Bytes held for activations and their gradients.</summary>
    public long MemoryBytes => arena.Capacity * sizeof(float);

    /// <summary>
    /// Starts over: forgets the steps and takes back the memory of every tensor made on this tape.
    /// Random masks drawn from now on belong to (<paramref name="iteration"/>, <paramref name="microBatch"/>).
    /// </summary>
    public void Reset(long iteration = 0, int microBatch = 0)
    {
        steps.Clear();
        arena.Reset();
        (pool ??= new(arena)).Clear();
        randomOperations = 0;
        if (randomStep.IsNone) randomStep = Device.Allocate(2);
        Device.Write([(int)iteration, microBatch], randomStep);
    }

    /// <summary>Token ids as an input, (B, T).</summary>
    /// <exception cref="ArgumentException">The number of ids is not B·T.</exception>
    public Tensor Tokens(ReadOnlySpan<int> ids, int batch, int time)
    {
        if (ids.Length != batch * time) throw new ArgumentException($"Tokens: {ids.Length} ids do not make ({batch}, {time}).");
        var tensor = New(new Shape(batch, time));
        Device.Write(ids, tensor.Data);
        return tensor;
    }

    /// <summary>Values as an input.</summary>
    /// <exception cref="ArgumentException">The number of values is not the shape's.</exception>
    public Tensor Input(ReadOnlySpan<float> values, Shape shape)
    {
        if (values.Length != shape.Count) throw new ArgumentException($"Input: {values.Length} values do not make {shape}.");
        var tensor = New(shape);
        Device.Write(values, tensor.Data);
        return tensor;
    }

    /// <summary>An activation whose values an operation is about to write.</summary>
    public Tensor New(Shape shape) => new(this, shape, arena.Allocate(shape.Count));

    /// <summary>Room for what an operation keeps for its way back.</summary>
    public Storage NewStorage(long count) => arena.Allocate(count);

    /// <summary>Notes how the gradient of <paramref name="output"/> flows back, if the tape records.</summary>
    public void Push(Tensor output, Action backward)
    {
        if (Recording) steps.Add((output, backward));
    }

    /// <summary>
    /// Where an operation's way back puts the gradient of an input, and whether to add to what other users of that input
    /// have put there already.
    /// </summary>
    public (Storage Gradient, bool Accumulate) GradientOf(Tensor input)
    {
        if (!input.Grad.IsNone) return (input.Grad, true);
        input.Grad = pool!.Rent(input.Shape.Count);
        return (input.Grad, false);
    }

    /// <summary>
    /// Hands the gradient of an output on to an input as it is: what y = x + f costs on its way back, when nothing else has
    /// reached x yet.
    /// </summary>
    public void PassGradient(Tensor output, Tensor input)
    {
        if (input.Grad.IsNone) (input.Grad, output.Grad) = (output.Grad, default);
        else Device.Accumulate(output.Grad, input.Grad);
    }

    /// <summary>
    /// Runs the steps in reverse, from a loss with gradient 1. Gradients of parameters are added to; those of activations are
    /// given back as soon as they have been used, except for inputs of the computation.
    /// </summary>
    /// <exception cref="InvalidOperationException">The tape was not recording.</exception>
    public void Backward(Tensor loss)
    {
        if (!Recording) throw new InvalidOperationException("Backward: the tape was not recording. Set Recording before the forward pass.");
        var (gradient, _) = GradientOf(loss);
        Device.Fill(gradient, 1);
        for (int i = steps.Count - 1; i >= 0; i--)
        {
            var (output, step) = steps[i];
            if (output.Grad.IsNone) continue;       // the loss does not depend on it
            step();
            if (output.Grad.IsNone) continue;       // handed on
            pool!.Return(output.Grad);
            output.Grad = default;
        }
        steps.Clear();
    }

    /// <summary>The key of the next random mask of this step.</summary>
    public RandomKey NextRandom() => new(seed, randomStep, randomOperations++);

    /// <summary>
    /// Runs a layer. While recording that is all; otherwise everything the layer made is given back but its result, which
    /// moves down to where the layer began.
    /// </summary>
    public Tensor Scope(Func<Tensor, Tensor> layer, Tensor x)
    {
        if (Recording) return layer(x);
        var mark = arena.Position;
        var inner = layer(x);
        arena.Rewind(mark);
        var result = New(inner.Shape);
        Device.Copy(inner.Data, result.Data);
        return result;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        arena.Dispose();
        if (!randomStep.IsNone) Device.Free(randomStep);
    }
}
