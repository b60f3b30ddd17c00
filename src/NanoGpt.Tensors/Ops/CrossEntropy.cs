namespace NanoGpt.Tensors;

public static partial class Ops
{
    /// <summary>
    /// Mean cross-entropy of logits; the result must be the loss that <see cref="Tape.Backward"/> starts from. A negative target counts as loss 0 (PyTorch's ignore_index, but still in the mean's denominator).
    /// <code>
    /// forward:   loss = mean over rows of log Σ_j exp(z_j) - z_target
    /// backward:  dz += LossScale · (softmax(z) - onehot(target)) / rows
    /// </code>
    /// </summary>
    /// <param name="logits">(…, V).</param>
    /// <param name="targets">Token ids, one per row.</param>
    /// <exception cref="ArgumentException">There are no rows, not one target per row, or a target is not below V.</exception>
    public static Tensor CrossEntropy(Tensor logits, Tensor targets)
    {
        ExpectRows(logits);
        int vocabulary = logits.Shape[-1], rows = logits.Shape.Rows;
        if (targets.Shape.Count != rows) throw new ArgumentException($"CrossEntropy: targets {targets.Shape} for logits {logits.Shape}.");
        var tape = logits.Tape;
        var losses = tape.NewStorage(rows);
        var loss = tape.New(Shape.Scalar);
        var dz = tape.Recording ? tape.NewStorage(logits.Shape.Count) : default;
        tape.Device.CrossEntropy(logits.Data, targets.Data, losses, dz, rows, vocabulary, tape.LossScale / rows);
        tape.Device.Mean(losses, loss.Data);
        tape.Push(loss, () => tape.PutGradient(dz, logits));
        return loss;
    }

    /// <summary>
    /// The output head and its mean cross-entropy in one, so that the logits (rows × V) never exist at once: for GPT-2 they
    /// would be larger than everything else together. While recording, the gradients (times <see cref="Tape.LossScale"/>) are
    /// formed in the same visit, so the result must be the loss that <see cref="Tape.Backward"/> starts from.
    /// <code>
    /// forward:   loss = mean of crossEntropy(x · weightᵀ, targets)
    /// backward:  dz = (softmax(z) - onehot) / rows,  dx += dz · weight,  dWeight += dzᵀ · x
    /// </code>
    /// </summary>
    /// <param name="x">(…, C).</param>
    /// <param name="weight">(V, C).</param>
    /// <param name="targets">Token ids, one per row.</param>
    /// <exception cref="ArgumentException">The sizes do not fit, there are no rows, or a target is not below V.</exception>
    /// <exception cref="InvalidOperationException">The weight belongs to no store or is narrow, or x already has a gradient.</exception>
    public static Tensor LinearCrossEntropy(Tensor x, Parameter weight, Tensor targets)
    {
        ExpectRows(x);
        Expect(weight, rank: 2);
        int channels = weight.Shape[1], vocabulary = weight.Shape[0], rows = x.Shape.Rows;
        if (x.Shape[-1] != channels) throw new ArgumentException($"LinearCrossEntropy: x {x.Shape} does not fit weight {weight.Shape}.");
        if (targets.Shape.Count != rows) throw new ArgumentException($"LinearCrossEntropy: targets {targets.Shape} for x {x.Shape}.");
        var (tape, values) = (x.Tape, Wide(weight));
        var losses = tape.NewStorage(rows);
        var loss = tape.New(Shape.Scalar);
        if (tape.Recording)
        {
            // Formed now, used by the way back.
            var (dx, accumulate) = tape.GradientOf(x);
            if (accumulate) throw new InvalidOperationException("LinearCrossEntropy: x already has a gradient; a tape takes one loss of this kind on one x.");
            var (dWeight, add) = tape.GradientOf(weight);
            tape.Device.LinearCrossEntropy(x.Data, values, targets.Data, losses, dx, dWeight, rows, channels, vocabulary, tape.LossScale / rows, add);
        }
        else
        {
            tape.Device.LinearCrossEntropy(x.Data, values, targets.Data, losses, default, default, rows, channels, vocabulary, 0, accumulate: false);
        }
        tape.Device.Mean(losses, loss.Data);
        return loss;
    }

    /// <summary>
    /// The loss of each row by itself, where <see cref="LinearCrossEntropy"/> gives the mean: losses[i] = crossEntropy(x[i] · weightᵀ, targets[i]),
    /// 0 where the target is negative. Not differentiable.
    /// </summary>
    /// <param name="x">(…, C).</param>
    /// <param name="weight">(V, C).</param>
    /// <param name="targets">Token ids, one per row.</param>
    /// <returns>One loss per row, in the shape of the targets.</returns>
    /// <exception cref="ArgumentException">The sizes do not fit, there are no rows, or a target is not below V.</exception>
    /// <exception cref="InvalidOperationException">The tape records, or the weight belongs to no store or is narrow.</exception>
    public static Tensor LinearCrossEntropyByRow(Tensor x, Parameter weight, Tensor targets)
    {
        ExpectRows(x);
        Expect(weight, rank: 2);
        int channels = weight.Shape[1], vocabulary = weight.Shape[0], rows = x.Shape.Rows;
        if (x.Shape[-1] != channels) throw new ArgumentException($"LinearCrossEntropyByRow: x {x.Shape} does not fit weight {weight.Shape}.");
        if (targets.Shape.Count != rows) throw new ArgumentException($"LinearCrossEntropyByRow: targets {targets.Shape} for x {x.Shape}.");
        var tape = x.Tape;
        if (tape.Recording) throw new InvalidOperationException("LinearCrossEntropyByRow is for evaluation: it has no way back.");
        var losses = tape.New(targets.Shape);
        tape.Device.LinearCrossEntropy(x.Data, Wide(weight), targets.Data, losses.Data, default, default, rows, channels, vocabulary, 0, accumulate: false);
        return losses;
    }
}
