using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Models.Tests;

public class DisposalTests
{
    [Fact]
    public void What_is_disposed_of_twice_gives_its_memory_back_once()
    {
        using var device = new RecordingDevice(CpuDevice.Create(1));
        IDisposable[] owners = [new Tape(device), new KeyValueCache(device, 1, 1, 8, 1, 8), new ParameterStore(device, [new Parameter("weight", new Shape(2, 2))])];
        foreach (var owner in owners)
        {
            owner.Dispose();
            owner.Dispose();
        }
        Assert.Equal(0, device.Held);
    }
}
