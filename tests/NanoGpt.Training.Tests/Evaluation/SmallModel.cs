using NanoGpt.Models;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Training.Tests;

/// <summary>A small model with random weights far from uniform predictions.</summary>
sealed class SmallModel : IDisposable
{
    readonly CpuDevice device;
    readonly ParameterStore weights;

    public SmallModel(int vocabulary, int block, int threads = 2)
    {
        device = CpuDevice.Create(threads);
        Model = new Gpt(new GptConfig(block, vocabulary, NLayer: 2, NHead: 2, NEmbd: 40));
        foreach (var p in Model.Parameters) p.Std *= 6;
        weights = new ParameterStore(device, Model.Parameters, gradients: false);
        weights.Initialize(3);
        Tape = new Tape(device);
    }

    public Gpt Model { get; }

    public Tape Tape { get; }

    public float[] TokenLosses(int[] ids, int[] targets)
    {
        Tape.Reset();
        return Model.TokenLosses(Tape.Tokens(ids, 1, ids.Length), Tape.Tokens(targets, 1, targets.Length)).ToArray();
    }

    public void Dispose()
    {
        Tape.Dispose();
        weights.Dispose();
        device.Dispose();
    }
}
