using NanoGpt.Tensors;

namespace NanoGpt.Models.Tests;

/// <summary>A model with its memory and the plainest training step there is: forward, backward, clip, AdamW.</summary>
sealed class Trainee : IDisposable
{
    readonly Storage m, v, schedule, squares;
    readonly float beta1, beta2, epsilon, weightDecay, clip;
    int steps;

    public Trainee(Device device, GptConfig config, ulong seed = 1337,
        float beta1 = 0.9f, float beta2 = 0.95f, float epsilon = 1e-8f, float weightDecay = 0.1f, float clip = 1)
    {
        (Device, this.beta1, this.beta2, this.epsilon, this.weightDecay, this.clip) = (device, beta1, beta2, epsilon, weightDecay, clip);
        Model = new Gpt(config);
        Store = new ParameterStore(device, Model.Parameters);
        Store.Initialize(seed);
        Tape = new Tape(device, seed);
        m = device.Allocate(Store.Values.Length);
        v = device.Allocate(Store.Values.Length);
        schedule = device.Allocate(4);
        squares = device.Allocate(1);
        device.Fill(m, 0);
        device.Fill(v, 0);
    }

    public Device Device { get; }
    public Gpt Model { get; }
    public ParameterStore Store { get; }
    public Tape Tape { get; }

    /// <summary>The loss and its gradients, averaged over micro-batches of (batch, time) each.</summary>
    public float ForwardBackward(ReadOnlySpan<int> ids, ReadOnlySpan<int> targets, int microBatches, int batch, int time)
    {
        Store.ZeroGrad();
        Tape.Recording = true;
        Tape.LossScale = 1f / microBatches;
        double sum = 0;
        int count = batch * time;
        for (int micro = 0; micro < microBatches; micro++)
        {
            Tape.Reset(steps, micro);
            var x = Tape.Tokens(ids.Slice(micro * count, count), batch, time);
            var loss = Model.Loss(x, Tape.Tokens(targets.Slice(micro * count, count), batch, time));
            Tape.Backward(loss);
            sum += loss.Item();
        }
        return (float)(sum / microBatches);
    }

    /// <summary>Clips the gradients' norm and takes an AdamW step, as PyTorch does; returns the norm before.</summary>
    public float Update(double learningRate)
    {
        steps++;
        Device.SumOfSquares(Store.Grads, squares);
        Span<float> sum = [0];
        Device.Read(squares, sum);
        float norm = MathF.Sqrt(sum[0]);
        Device.Write([(float)learningRate, Math.Min(1, clip / (norm + 1e-6f)),
            (float)(1 / (1 - Math.Pow(beta1, steps))), (float)(1 / (1 - Math.Pow(beta2, steps)))], schedule);
        AdamW(0, Store.DecayedLength, weightDecay);
        AdamW(Store.DecayedLength, Store.Values.Length - Store.DecayedLength, 0);
        return norm;
    }

    void AdamW(long start, long length, float decay) =>
        Device.AdamW(Store.Values.Slice(start, length), Store.Grads.Slice(start, length), m.Slice(start, length), v.Slice(start, length),
            schedule, beta1, beta2, epsilon, decay);

    /// <summary>Sets every parameter from tensors named as PyTorch names them; the head is the embedding table.</summary>
    public void Load(Dictionary<string, float[]> tensors)
    {
        Assert.Equal(Model.Parameters.Select(p => p.Name).Order(), tensors.Keys.Where(k => k != "lm_head.weight").Order());
        foreach (var p in Model.Parameters) Device.Write(tensors[p.Name], p.Data);
    }

    public static float[] Read(Device device, Storage storage)
    {
        var values = new float[storage.Length];
        device.Read(storage, values);
        return values;
    }

    public void Dispose()
    {
        foreach (var storage in (Storage[])[m, v, schedule, squares]) Device.Free(storage);
        Tape.Dispose();
        Store.Dispose();
    }
}
