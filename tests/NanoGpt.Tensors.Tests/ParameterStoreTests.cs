namespace NanoGpt.Tensors.Tests;

public class ParameterStoreTests
{
    static Parameter[] Model() =>
    [
        new("norm.weight", new Shape(5), constant: 1),
        new("fc.weight", new Shape(3, 5), std: 0.02f),
        new("fc.bias", new Shape(3)),
        new("head.weight", new Shape(7, 5), std: 0.02f),
    ];

    [Fact]
    public void Matrices_come_first_and_only_they_decay()
    {
        using var store = new ParameterStore(Devices.Widest, Model());
        Assert.Equal(["fc.weight", "head.weight", "norm.weight", "fc.bias"], store.Parameters.Select(p => p.Name));
        Assert.Equal(5 + 15 + 3 + 35, store.Count);
        Assert.Equal(store.DecayedLength, (store.Parameters[2].Data.Address - store.Values.Address) / sizeof(float));
    }

    [Fact]
    public void What_is_trained_is_in_two_stretches_or_more_where_something_is_frozen()
    {
        using var store = new ParameterStore(Devices.Widest, Model());
        Assert.Equal([(0, store.DecayedLength, true), (store.DecayedLength, store.Values.Length - store.DecayedLength, false)], store.Trained());

        store.Parameters[1].Frozen = true;
        foreach (var p in store.Parameters) Devices.Widest.Fill(p.Grad, 1);
        Assert.Equal([(0, 32, true), (store.DecayedLength, store.Values.Length - store.DecayedLength, false)], store.Trained());
        Assert.False(store.Grads.IsNone);
        Assert.All(Read(store.Parameters[1].Grad), g => Assert.Equal(0, g));
        Assert.All(Read(store.Parameters[0].Grad), g => Assert.Equal(1, g));

        store.Parameters[2].Frozen = store.Parameters[3].Frozen = true;
        Assert.Equal([(0, 32, true)], store.Trained());
    }

    [Fact]
    public void Parameters_are_aligned_slices_at_parallel_places()
    {
        using var store = new ParameterStore(Devices.Widest, Model());
        foreach (var p in store.Parameters)
        {
            Assert.Equal(0, p.Data.Address % 128);
            Assert.Equal(p.Data.Address - store.Values.Address, p.Grad.Address - store.Grads.Address);
            Assert.Equal(p.Grad, store.Grads.Slice(store.OffsetOf(p), p.Shape.Count));
            Assert.Equal(p.Shape.Count, p.Data.Length);
        }
    }

    [Fact]
    public void A_start_depends_on_seed_and_name_and_not_on_the_other_parameters()
    {
        using var store = new ParameterStore(Devices.Widest, Model());
        store.Initialize(1);
        var all = store.Parameters.ToDictionary(p => p.Name, Read);
        Assert.All(all["norm.weight"], v => Assert.Equal(1, v));
        Assert.All(all["fc.bias"], v => Assert.Equal(0, v));
        Assert.NotEqual(all["fc.weight"], all["head.weight"][..15]);

        var alone = new Parameter("head.weight", new Shape(7, 5), std: 0.02f);
        using var other = new ParameterStore(Devices.Widest, [alone]);
        other.Initialize(1);
        Assert.Equal(all["head.weight"], Read(alone));
        other.Initialize(2);
        Assert.NotEqual(all["head.weight"], Read(alone));
    }

    [Fact]
    public void Padding_is_zero_before_and_after_a_start()
    {
        using var store = new ParameterStore(Devices.Widest, Model());
        store.Initialize(1);
        foreach (var flat in (Storage[])[store.Values, store.Grads])
        {
            var values = new float[flat.Length];
            Devices.Widest.Read(flat, values);
            foreach (var p in store.Parameters) values.AsSpan((int)((p.Data.Address - store.Values.Address) / sizeof(float)), (int)p.Shape.Count).Clear();
            Assert.All(values, v => Assert.Equal(0, v));
        }
    }

    [Fact]
    public void Zeroing_reaches_every_gradient()
    {
        using var store = new ParameterStore(Devices.Widest, Model());
        foreach (var p in store.Parameters) Devices.Widest.Fill(p.Grad, 3);
        store.ZeroGrad();
        var values = new float[store.Grads.Length];
        Devices.Widest.Read(store.Grads, values);
        Assert.All(values, v => Assert.Equal(0, v));
    }

    [Fact]
    public void Narrowing_twice_is_narrowing_once_and_there_is_no_new_start()
    {
        using var store = new ParameterStore(Devices.Widest, Model(), gradients: false);
        store.Initialize(1);
        store.Narrow();
        var (place, once) = (store.Values, store.Parameters.Select(p => Read(p)).ToArray());
        store.Narrow();
        Assert.Equal(place, store.Values);
        Assert.Equal(once, store.Parameters.Select(p => Read(p)));
        Assert.Throws<InvalidOperationException>(() => store.Initialize(1));
    }

    [Fact]
    public void A_name_is_unique_and_settled_once_it_has_memory()
    {
        Assert.Throws<ArgumentException>(() => new ParameterStore(Devices.Widest, [new("a", new Shape(1)), new("a", new Shape(2))]));
        var parameters = Model();
        using var store = new ParameterStore(Devices.Widest, parameters);
        Assert.Throws<InvalidOperationException>(() => parameters[0].Rename("b"));
        Assert.Throws<ArgumentException>(() => new ParameterStore(Devices.Widest, parameters));
    }

    static float[] Read(Parameter p) => Read(p.Data);

    static float[] Read(Storage storage)
    {
        var values = new float[storage.Length];
        Devices.Widest.Read(storage, values);
        return values;
    }
}
