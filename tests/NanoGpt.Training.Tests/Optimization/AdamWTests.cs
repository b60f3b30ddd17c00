using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Training.Tests;

public class AdamWTests
{
    /// <summary>The allocator ends the process over memory that is given back twice.</summary>
    [Fact]
    public void To_dispose_of_it_twice_is_to_do_so_once()
    {
        using var device = CpuDevice.Create(1);
        using var store = new ParameterStore(device, [new Parameter("weight", new Shape(2, 2))]);
        var optimizer = new AdamW(store, 0.9, 0.95, weightDecay: 0, gradClip: 0);
        optimizer.Dispose();
        optimizer.Dispose();
    }
}
