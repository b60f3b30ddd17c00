namespace NanoGpt.Tensors.Tests;

/// <summary>An operand of the operation under test: random values of a shape, on the tape or in a parameter store.</summary>
sealed record Operand(Shape Shape, bool IsParameter)
{
    /// <summary>An activation.</summary>
    public static Operand Input(params ReadOnlySpan<int> sizes) => new(new Shape(sizes), IsParameter: false);

    /// <summary>A parameter.</summary>
    public static Operand Parameter(params ReadOnlySpan<int> sizes) => new(new Shape(sizes), IsParameter: true);
}

/// <summary>The operands as tensors, as the operation under test takes them.</summary>
sealed class Operands(Tape tape, Tensor[] tensors)
{
    public Tape Tape => tape;

    public Tensor this[int i] => tensors[i];

    public Parameter Parameter(int i) => (Parameter)tensors[i];
}

/// <summary>
/// Proves an operation in one line: its values against a double-precision reference, and the gradients of every operand
/// against central differences of that reference.
/// <code>
/// GradientCheck.Verify(device, x => Ops.Gelu(x[0]), x => Reference.Gelu(x[0]), Operand.Input(3, 17));
/// </code>
/// The gradients are taken twice: into untouched memory, and on top of what other users of the operands left there.
/// </summary>
static class GradientCheck
{
    /// <summary>Up to this many elements each is differenced; above, random directions through all of them and some single ones.</summary>
    const int EveryElement = 400;

    const int Directions = 3, SingleElements = 4;
    const double Step = 2e-5;

    /// <summary>What random masks of the operation under test are drawn from.</summary>
    public const ulong Seed = 7;

    /// <inheritdoc cref="Seed"/>
    public const long Iteration = 3;

    /// <param name="device">Computes.</param>
    /// <param name="op">The operation, of any number of operands.</param>
    /// <param name="reference">Its forward, in double precision.</param>
    /// <param name="operands">What to run it on.</param>
    public static void Verify(Device device, Func<Operands, Tensor> op, Func<double[][], double[]> reference, params Operand[] operands) =>
        Verify(device, op, reference, 1e-5, operands);

    /// <param name="device">Computes.</param>
    /// <param name="op">The operation, of any number of operands.</param>
    /// <param name="reference">Its forward, in double precision.</param>
    /// <param name="tolerance">Error allowed, relative to the element plus the root mean square of its tensor.</param>
    /// <param name="operands">What to run it on.</param>
    public static void Verify(Device device, Func<Operands, Tensor> op, Func<double[][], double[]> reference, double tolerance, params Operand[] operands)
    {
        string what = $"[{device.Name}; {string.Join(" ", operands.Select(o => o.Shape))}]";
        var values = operands.Select((o, i) => RandomValues.Normal(o.Shape.Count, seed: i + 1)).ToArray();
        var before = operands.Select((o, i) => RandomValues.Normal(o.Shape.Count, seed: i + 101)).ToArray();
        var exact = values.Select(v => v.Select(e => (double)e).ToArray()).ToArray();

        var y = reference(exact);
        float[] projection = y.Length == 1 ? [1] : RandomValues.Normal(y.Length, seed: 99);
        var (yActual, gradients) = Run(device, op, operands, values, projection, before: null);
        Closeness.Assert(y, yActual, tolerance, $"{what} y");

        var (_, added) = Run(device, op, operands, values, projection, before);
        for (int i = 0; i < operands.Length; i++)
        {
            CompareWithDifferences(Projected, exact[i], gradients[i], tolerance, $"{what} operand {i}, gradient");
            Closeness.Assert([.. gradients[i].Zip(before[i], (g, b) => (double)g + b)], added[i], 1e-6, $"{what} operand {i}, gradient added to another");
        }

        double Projected()
        {
            double sum = 0;
            var result = reference(exact);
            for (int i = 0; i < result.Length; i++) sum += projection[i] * result[i];
            return sum;
        }
    }

    /// <summary>
    /// Runs the operation both ways, from the loss Σ projection·y, and returns y and the gradients. Where
    /// <paramref name="before"/> is given, that much has flowed back to each operand before the operation's turn comes.
    /// </summary>
    static (float[] Y, float[][] Gradients) Run(Device device, Func<Operands, Tensor> op, Operand[] operands, float[][] values,
        float[] projection, float[][]? before)
    {
        var parameters = operands.Select((o, i) => o.IsParameter ? new Parameter($"operand {i}", o.Shape) : null).ToArray();
        using var store = new ParameterStore(device, parameters.OfType<Parameter>());
        using var tape = new Tape(device, Seed) { Recording = true };
        tape.Reset(Iteration);

        var tensors = operands.Select((o, i) => parameters[i] ?? tape.Input(values[i], o.Shape)).ToArray();
        for (int i = 0; i < operands.Length; i++)
        {
            if (!operands[i].IsParameter) continue;
            device.Write(values[i], tensors[i].Data);
            if (before != null) device.Write(before[i], tensors[i].Grad);
        }

        var y = op(new Operands(tape, tensors));
        var terms = new List<(Tensor, float[])> { (y, projection) };
        if (before != null) terms.AddRange(tensors.Select((t, i) => (t, before[i])).Where(t => t.t is not Parameter));
        tape.Backward(Project(tape, [.. terms]));
        return (y.ToArray(), [.. tensors.Select(t => Read(device, t.Grad, t.Shape.Count))]);
    }

    /// <summary>A loss whose gradient with respect to each tensor is given: Σ weights · tensor.</summary>
    static Tensor Project(Tape tape, params (Tensor Tensor, float[] Weights)[] terms)
    {
        var loss = tape.New(Shape.Scalar);
        tape.Push(loss, () =>
        {
            foreach (var (tensor, weights) in terms)
            {
                var (gradient, accumulate) = tape.GradientOf(tensor);
                var term = accumulate ? tape.NewStorage(weights.Length) : gradient;
                tape.Device.Write(weights, term);
                if (accumulate) tape.Device.Accumulate(term, gradient);
            }
        });
        return loss;
    }

    static float[] Read(Device device, Storage storage, long count)
    {
        var values = new float[count];
        if (!storage.IsNone) device.Read(storage, values);
        return values;
    }

    static void CompareWithDifferences(Func<double> loss, double[] x, float[] gradient, double tolerance, string what)
    {
        if (x.Length <= EveryElement)
        {
            Closeness.Assert([.. Enumerable.Range(0, x.Length).Select(Difference)], gradient, tolerance, what);
            return;
        }

        double norm = Math.Sqrt(gradient.Sum(g => (double)g * g)), rms = norm / Math.Sqrt(x.Length);
        var random = new Random(5);
        for (int n = 0; n < SingleElements; n++)
        {
            int i = n == 0 ? 0 : n == 1 ? x.Length - 1 : random.Next(x.Length);
            double expected = Difference(i);
            Assert.True(Math.Abs(gradient[i] - expected) <= tolerance * (Math.Abs(expected) + rms) + 1e-9, $"{what}: {gradient[i]} at {i}, differences give {expected}.");
        }

        for (int n = 0; n < Directions; n++)
        {
            // Every element moves by one step, up or down: one wrong element among N shows as 1/√N of the norm.
            var signs = x.Select(_ => random.Next(2) * 2 - 1).ToArray();
            double expected = (Along(signs, Step) - Along(signs, -Step)) / (2 * Step), actual = 0;
            for (int i = 0; i < x.Length; i++) actual += (double)gradient[i] * signs[i];
            Assert.True(Math.Abs(actual - expected) <= tolerance * norm + 1e-9, $"{what}: {actual} along a direction, differences give {expected}; norm {norm}.");
        }

        double Difference(int i)
        {
            double kept = x[i];
            x[i] = kept + Step;
            double up = loss();
            x[i] = kept - Step;
            double down = loss();
            x[i] = kept;
            return (up - down) / (2 * Step);
        }

        double Along(int[] signs, double step)
        {
            var kept = (double[])x.Clone();
            for (int i = 0; i < x.Length; i++) x[i] += signs[i] * step;
            double result = loss();
            kept.CopyTo(x, 0);
            return result;
        }
    }
}
