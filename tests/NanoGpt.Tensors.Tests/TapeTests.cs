namespace NanoGpt.Tensors.Tests;

public class TapeTests
{
    [Fact]
    public void Backward_without_recording_says_so()
    {
        using var tape = new Tape(Devices.Widest);
        tape.Reset();
        var loss = Ops.Gelu(tape.Input([1], new Shape(1)));
        Assert.Contains("Recording", Assert.Throws<InvalidOperationException>(() => tape.Backward(loss)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void From_the_second_step_on_every_address_repeats_and_memory_stays()
    {
        var device = Devices.Widest;
        var weight = new Parameter("weight", new Shape(300, 300), std: 0.02f);
        using var store = new ParameterStore(device, [weight]);
        store.Initialize(1);
        using var tape = new Tape(device) { Recording = true };
        var x = RandomValues.Normal(1500 * 300, seed: 1);
        List<nint>? expected = null;
        long memory = 0;
        for (int step = 1; step <= 6; step++)
        {
            // Some 30 MB: several blocks in the first step, one afterwards.
            tape.Reset(step);
            var input = tape.Input(x, new Shape(1500, 300));
            var y = input;
            List<nint> addresses = [y.Data.Address];
            for (int i = 0; i < 6; i++)
            {
                y += Ops.Dropout(Ops.Gelu(Ops.Linear(y, weight, null)), 0.1f);
                addresses.Add(y.Data.Address);
            }
            tape.Backward(y);
            addresses.Add(input.Grad.Address);

            if (step == 2) (expected, memory) = (addresses, tape.MemoryBytes);
            if (step <= 2) continue;
            Assert.Equal(expected, addresses);
            Assert.Equal(memory, tape.MemoryBytes);
        }
        Assert.True(memory > 16 << 20);
    }

    [Fact]
    public void Gradients_of_activations_share_two_buffers_however_deep_the_graph()
    {
        using var tape = new Tape(Devices.Widest) { Recording = true };
        tape.Reset();
        var seen = new HashSet<nint>();
        var y = tape.Input(new float[100], new Shape(100));
        for (int i = 0; i < 12; i++) y = Watch(y + Watch(Ops.Gelu(y), seen), seen);
        tape.Backward(y);
        Assert.Equal(2, seen.Count);
    }

    /// <summary>y = x, and the address of its gradient noted on the way back.</summary>
    static Tensor Watch(Tensor x, HashSet<nint> seen)
    {
        var (tape, y) = (x.Tape, x.Tape.New(x.Shape));
        tape.Device.Copy(x.Data, y.Data);
        tape.Push(y, () =>
        {
            seen.Add(y.Grad.Address);
            tape.PassGradient(y, x);
        });
        return y;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_two_have_as_their_gradient_is_left_alone_when_one_of_them_gets_more(bool sumFirst)
    {
        using var tape = new Tape(Devices.Widest) { Recording = true };
        tape.Reset();
        var (a, b) = (tape.Input([1, 2], new Shape(2)), tape.Input([3, 4], new Shape(2)));
        var (first, second) = sumFirst ? (a + b, Ops.Scale(a, 3)) : (Ops.Scale(a, 3), a + b);
        tape.Backward(first + second);
        Assert.Equal([4, 4], Gradient(a));
        Assert.Equal([1, 1], Gradient(b));
    }

    [Fact]
    public void The_sum_of_a_tensor_and_itself_has_twice_the_gradient()
    {
        using var tape = new Tape(Devices.Widest) { Recording = true };
        tape.Reset();
        var x = tape.Input([1, 2], new Shape(2));
        tape.Backward(Ops.Scale(x + x, 5));
        Assert.Equal([10, 10], Gradient(x));
    }

    [Fact]
    public void Gradients_go_back_through_elementwise_operations_in_one_buffer()
    {
        using var tape = new Tape(Devices.Widest, seed: 1) { Recording = true };
        tape.Reset();
        var seen = new HashSet<nint>();
        Tensor y = tape.Input([1], new Shape(1));
        foreach (Func<Tensor, Tensor> operation in (Func<Tensor, Tensor>[])[Ops.Gelu, Ops.GeluTanh, x => Ops.Scale(x, 2), x => Ops.Dropout(x, 0.5f)])
            y = Watch(operation(Watch(y, seen)), seen);
        tape.Backward(y);
        Assert.Single(seen);
    }

    static float[] Gradient(Tensor x)
    {
        var values = new float[x.Shape.Count];
        x.Tape.Device.Read(x.Grad, values);
        return values;
    }

    [Fact]
    public void In_evaluation_a_scope_keeps_nothing_but_its_result_in_the_place_of_its_input()
    {
        const int layers = 24, inner = 8, count = 1 << 20;
        var x = RandomValues.Normal(count, seed: 1);
        (float[] Y, long Memory) Run(bool recording)
        {
            using var tape = new Tape(Devices.Widest) { Recording = recording };
            tape.Reset();
            var y = tape.Input(x, new Shape(count));
            for (int i = 0; i < layers; i++)
                y = tape.Scope(static v =>
                {
                    for (int op = 0; op < inner; op++) v = Ops.Scale(v, 0.9f);
                    return v;
                }, y);
            return (y.ToArray(), tape.MemoryBytes);
        }

        // The result of a scope takes the place of what it was given. Blocks of the arena grow, so some of it may be room to spare.
        var evaluated = Run(recording: false);
        const long needed = (inner + 1) * (long)count * sizeof(float);
        Assert.InRange(evaluated.Memory, needed / 2, needed * 3 / 2);
        Assert.Equal(Run(recording: true).Y, evaluated.Y);
    }

    [Fact]
    public void Recomputing_gives_the_same_gradients_and_masks_with_less_memory()
    {
        const int layers = 6, inner = 8, count = 1 << 18;
        var device = Devices.Widest;
        (float Loss, float[] Gradient, long Memory) Run(bool recompute)
        {
            using var tape = new Tape(device, seed: 7) { Recording = true, Recompute = recompute };
            tape.Reset(iteration: 3, microBatch: 1);
            var x = tape.Input(RandomValues.Normal(count, seed: 1), new Shape(count / 64, 64));
            Tensor y = Ops.Dropout(x, 0.1f);
            for (int i = 0; i < layers; i++)
                y = tape.Scope(static v =>
                {
                    var start = v;
                    for (int op = 0; op < inner; op++) v = Ops.Gelu(Ops.Dropout(v, 0.2f));
                    return start + v;
                }, y);
            var loss = Ops.CrossEntropy(Ops.Dropout(y, 0.1f), tape.Tokens(new int[count / 64], count / 64, 1));
            tape.Backward(loss);
            return (loss.Item(), Gradient(x), tape.MemoryBytes);
        }

        var (plain, again) = (Run(false), Run(true));
        Assert.Equal(plain.Loss, again.Loss);
        Assert.Equal(plain.Gradient, again.Gradient);
        Assert.True(again.Memory * 2 < plain.Memory, $"{again.Memory} is not less than half of {plain.Memory}.");
    }

    [Fact]
    public void A_scope_must_keep_the_shape_where_it_gives_memory_back()
    {
        using var tape = new Tape(Devices.Widest);
        var x = tape.Input([1, 2, 3, 4], new Shape(1, 2, 2));
        var e = Assert.Throws<InvalidOperationException>(() => tape.Scope(Ops.LastPosition, x));
        Assert.Contains("(1, 2)", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_layer_that_fails_in_a_scope_leaves_a_tape_that_records()
    {
        using var tape = new Tape(Devices.Widest) { Recording = true, Recompute = true };
        Assert.Throws<NotSupportedException>(() => tape.Scope(_ => throw new NotSupportedException(), tape.Input([1], new Shape(1))));
        tape.Reset();
        var x = tape.Input([1], new Shape(1));
        tape.Backward(Ops.Scale(x, 3));
        Assert.False(x.Grad.IsNone);
    }

    [Fact]
    public void A_scope_may_return_what_it_was_given()
    {
        using var tape = new Tape(Devices.Widest);
        tape.Reset();
        var x = tape.Input([1, 2, 3], new Shape(3));
        Assert.Equal([1, 2, 3], tape.Scope(v => v, x).ToArray());
    }

    [Fact]
    public void A_second_backward_starts_from_nothing()
    {
        var device = Devices.Widest;
        var weight = new Parameter("weight", new Shape(1, 1));
        using var store = new ParameterStore(device, [weight]);
        device.Fill(weight.Data, 2);
        using var tape = new Tape(device) { Recording = true };
        for (int micro = 0; micro < 3; micro++)
        {
            tape.Reset(0, micro);
            tape.Backward(Ops.Linear(tape.Input([5], new Shape(1, 1)), weight, null));
        }
        var gradient = new float[1];
        device.Read(weight.Grad, gradient);
        Assert.Equal(15, gradient[0]);
    }

    [Fact]
    public void A_computation_starts_from_the_tape()
    {
        var weight = new Parameter("weight", new Shape(2, 2));
        Assert.Throws<InvalidOperationException>(() => Ops.Gelu(weight));
    }

    [Fact]
    public void Values_come_back_as_they_went_in()
    {
        using var tape = new Tape(Devices.Widest);
        tape.Reset();
        Assert.Equal([1, -2, 3], tape.Input([1, -2, 3], new Shape(3)).ToArray());
        Assert.Equal(7, tape.Input([7], Shape.Scalar).Item());
        Assert.Throws<InvalidOperationException>(() => tape.Input([1, 2], new Shape(2)).Item());
    }
}
