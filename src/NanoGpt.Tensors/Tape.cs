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
public sealed class Tape : IDisposable
{
    readonly Arena arena, gradients;
    readonly GradientPool pool;
    readonly List<(Tensor Output, Action Step)> steps = [];
    readonly ulong seed;
    Storage randomStep;
    uint randomOperations;
    bool forgetting;        // within a scope that will be computed again: random masks as in training, but nothing is pushed

    /// <summary>A tape on a device.</summary>
    /// <param name="device">What computes.</param>
    /// <param name="seed">Key of its random masks.</param>
    public Tape(Device device, ulong seed = 0)
    {
        (Device, this.seed) = (device, seed);
        (arena, gradients) = (new(device), new(device));
        pool = new(gradients);
        randomStep = device.Allocate(2);
        Reset();
    }

    /// <summary>The device that computes.</summary>
    public Device Device { get; }

    /// <summary>Whether operations push their way back; set it before the first operation.</summary>
    public bool Recording { get; set; }

    /// <summary>
    /// Whether a <see cref="Scope"/> forgets what is within it and computes it again on the way back (Chen et al. 2016, gradient
    /// checkpointing): less memory for a third more work.
    /// </summary>
    public bool Recompute { get; set; }

    /// <summary>
    /// What one unit of loss counts in the gradient, 1 / gradient_accumulation_steps. It must be known on the way forward:
    /// the output head forms its gradients as it computes the loss.
    /// </summary>
    public float LossScale { get; set; } = 1;

    /// <summary>Hears of the gradients of parameters as they grow.</summary>
    public IGradientListener? Listener { get; set; }

    /// <summary>Bytes held for activations and their gradients.</summary>
    public long MemoryBytes => (arena.Capacity + gradients.Capacity) * sizeof(float);

    /// <summary>
    /// Starts over: forgets the steps and takes back the memory of every tensor made on this tape.
    /// Random masks drawn from now on belong to (<paramref name="iteration"/>, <paramref name="microBatch"/>).
    /// </summary>
    public void Reset(long iteration = 0, int microBatch = 0)
    {
        steps.Clear();
        arena.Reset();
        gradients.Reset();
        pool.Clear();
        randomOperations = 0;
        Device.Write([(int)iteration, microBatch], randomStep);
    }

    /// <summary>Token ids as an input, (B, T).</summary>
    /// <exception cref="ArgumentException">The number of ids is not B·T.</exception>
    public Tensor Tokens(ReadOnlySpan<int> ids, int batch, int time)
    {
        if (ids.Length != (long)batch * time) throw new ArgumentException($"Tokens: {ids.Length} ids do not make ({batch}, {time}).");
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
        if (Recording && !forgetting) steps.Add((output, backward));
    }

    /// <summary>
    /// Where an operation's way back puts the gradient of an input, and whether to add to what other users of that input
    /// have put there already.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is a parameter without memory for a gradient.</exception>
    public (Storage Gradient, bool Accumulate) GradientOf(Tensor input)
    {
        if (input is Parameter parameter)
        {
            if (parameter.Grad.IsNone) throw new InvalidOperationException($"{parameter.Name} has no memory for a gradient: its {nameof(ParameterStore)} was made without.");
            bool accumulate = parameter.HasGradient;
            parameter.HasGradient = true;
            Listener?.Touched(parameter);
            return (parameter.Grad, accumulate);
        }
        if (input.Grad.IsNone)
        {
            input.Grad = pool.Rent(input.Shape.Count);
            return (input.Grad, false);
        }
        if (pool.IsShared(input.Grad))
        {
            var own = pool.Rent(input.Shape.Count);
            Device.Copy(input.Grad, own);
            pool.Return(input.Grad);
            input.Grad = own;
        }
        return (input.Grad, true);
    }

    /// <summary>
    /// The same for an operation that goes element by element: the gradient of its input takes the place of that of its output, where nothing
    /// else has reached the one and nobody else has the other.
    /// </summary>
    public (Storage Gradient, bool Accumulate) GradientInPlace(Tensor output, Tensor input)
    {
        if (!input.Grad.IsNone || pool.IsShared(output.Grad)) return GradientOf(input);
        PassGradient(output, input);
        return (input.Grad, false);
    }

    /// <summary>Where an operation that can only add puts the gradient of a parameter; none for a parameter that was left out.</summary>
    /// <exception cref="InvalidOperationException">The parameter has no memory for a gradient.</exception>
    public Storage SumGradientOf(Parameter? parameter)
    {
        if (parameter is null) return default;
        var (gradient, accumulate) = GradientOf(parameter);
        if (!accumulate) Device.Fill(gradient, 0);
        return gradient;
    }

    /// <summary>
    /// Gives an input the gradient of an output as it is. Where nothing else has reached the input both have the same memory, which
    /// costs nothing, until one of them is added to.
    /// </summary>
    public void PassGradient(Tensor output, Tensor input)
    {
        if (input.Grad.IsNone && input is not Parameter) pool.Share(input.Grad = output.Grad);
        else PutGradient(output.Grad, input);
    }

    /// <summary>Gives an input a gradient that lies elsewhere.</summary>
    public void PutGradient(Storage gradient, Tensor input)
    {
        var (place, accumulate) = GradientOf(input);
        if (accumulate) Device.Accumulate(gradient, place);
        else Device.Copy(gradient, place);
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
        RunBack(0);
    }

    /// <summary>Runs the steps from the last down to <paramref name="first"/>, and forgets them.</summary>
    void RunBack(int first)
    {
        for (int i = steps.Count - 1; i >= first; i--)
        {
            var (output, step) = steps[i];
            steps.RemoveAt(i);
            if (output.Grad.IsNone) continue;       // the loss does not depend on it
            step();
            Listener?.StepDone();
            if (output.Grad.IsNone) continue;       // handed on
            pool.Return(output.Grad);
            output.Grad = default;
        }
    }

    /// <summary>The key of the next random mask of this step.</summary>
    public RandomKey NextRandom() => new(seed, randomStep, randomOperations++);

    /// <summary>
    /// Runs a layer that makes a tensor of the shape of x. While recording, that is all, unless the tape is to
    /// <see cref="Recompute"/>: then everything the layer made is given back but its result. Without recording it is given back, too,
    /// and the result takes the place of x: x is used up.
    /// </summary>
    /// <exception cref="InvalidOperationException">The shape of the result is another.</exception>
    public Tensor Scope(Func<Tensor, Tensor> layer, Tensor x)
    {
        if (!Recording) return RunAndForget(layer, x, x.Data);
        if (!Recompute) return layer(x);

        uint random = randomOperations;
        var place = New(x.Shape).Data;
        Tensor result;
        forgetting = true;
        try { result = RunAndForget(layer, x, place); }
        finally { forgetting = false; }
        Push(result, () => RunAgainAndBack(layer, x, result, random));
        return result;
    }

    Tensor RunAndForget(Func<Tensor, Tensor> layer, Tensor x, Storage place)
    {
        var mark = arena.Position;
        var result = layer(x);
        if (result.Shape != x.Shape) throw new InvalidOperationException($"Scope: a layer made {result.Shape} of {x.Shape}; it must keep the shape.");
        Device.Copy(result.Data, place);
        arena.Rewind(mark);
        return new Tensor(this, x.Shape, place);
    }

    void RunAgainAndBack(Func<Tensor, Tensor> layer, Tensor x, Tensor result, uint random)
    {
        var mark = arena.Position;
        int first = steps.Count;
        (uint after, randomOperations) = (randomOperations, random);        // the same masks as on the way forward
        var again = layer(x);
        randomOperations = after;
        (again.Grad, result.Grad) = (result.Grad, default);
        RunBack(first);
        arena.Rewind(mark);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        arena.Dispose();
        gradients.Dispose();
        if (!randomStep.IsNone) Device.Free(randomStep);
        randomStep = default;
    }
}
