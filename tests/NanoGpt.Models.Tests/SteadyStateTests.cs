using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Models.Tests;

/// <summary>What a training step costs beside arithmetic, once the first steps are over: next to nothing.</summary>
public class SteadyStateTests
{
    static readonly GptConfig small = new(BlockSize: 16, VocabSize: 65, NLayer: 2, NHead: 2, NEmbd: 32, Dropout: 0.1);
    static readonly GptConfig deep = small with { NLayer = 12 };

    [Fact]
    public void A_step_of_twelve_layers_allocates_under_64_KB()
    {
        using var device = CpuDevice.Create(2);
        using var trainee = new Trainee(device, deep);
        var run = new Stepper(trainee, batch: 4);
        run.Steps(10);
        const int steps = 50;
        long before = GC.GetTotalAllocatedBytes(precise: true);
        run.Steps(steps);
        Assert.InRange((GC.GetTotalAllocatedBytes(precise: true) - before) / steps, 1, 64 * 1024);
    }

    /// <summary>So that a device may capture a step once and replay it: what changes from step to step is data.</summary>
    [Fact]
    public void From_the_third_step_on_a_step_makes_the_same_calls_at_the_same_addresses_and_no_buffer()
    {
        using var device = new RecordingDevice(CpuDevice.Create(2));
        using var trainee = new Trainee(device, deep);
        var run = new Stepper(trainee, batch: 4);
        run.Steps(2);
        device.Forget();
        run.Steps(1);
        var expected = device.Calls.ToArray();
        int allocations = device.Allocations;
        Assert.True(expected.Length > 300);
        for (int step = 0; step < 3; step++)
        {
            device.Forget();
            run.Steps(1);
            Assert.Equal(expected, device.Calls);
            Assert.Equal(allocations, device.Allocations);
        }
    }

    [Fact]
    public void Two_thousand_steps_collect_no_old_generation_and_take_no_more_memory()
    {
        using var device = CpuDevice.Create(2);
        using var trainee = new Trainee(device, small);
        var run = new Stepper(trainee, batch: 4);
        run.Steps(2000);

        // The collector gives memory back when it likes, which may look like growth once; a leak grows every time.
        var growth = new long[3];
        for (int n = 0; n < growth.Length; n++)
        {
            long memory = ResidentMemory();
            int collections = GC.CollectionCount(2);
            run.Steps(2000);
            Assert.Equal(collections, GC.CollectionCount(2));
            growth[n] = ResidentMemory() - memory;
        }
        Assert.True(growth.Min() < 1 << 20, $"Resident memory grew by {string.Join(", ", growth.Select(g => g >> 10))} KB in 2,000 steps each.");
    }

    [Fact]
    public void Evaluation_keeps_no_layers_insides()
    {
        const int batch = 8, time = 64, channels = 128;
        long Memory(int layers, bool recording)
        {
            using var device = CpuDevice.Create(2);
            using var trainee = new Trainee(device, new GptConfig(time, 65, layers, 4, channels));
            trainee.Tape.Recording = recording;
            for (int pass = 0; pass < 2; pass++)
            {
                trainee.Tape.Reset();
                var ids = trainee.Tape.Tokens(new int[batch * time], batch, time);
                _ = trainee.Model.Loss(ids, ids).Item();
            }
            return trainee.Tape.MemoryBytes;
        }

        const long activation = (long)batch * time * channels * sizeof(float);
        long growth = Memory(26, recording: false) - Memory(2, recording: false);
        Assert.True(growth <= 24 * activation * 3 / 2, $"24 more layers took {growth / (double)activation:f1} activations more.");
        Assert.True(Memory(26, recording: true) > 24 * 15 * activation);
    }

    /// <summary>The resident memory once garbage is gone.</summary>
    static long ResidentMemory()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        return Environment.WorkingSet;
    }

    /// <summary>Steps on the same few batches, with nothing of its own on the heap.</summary>
    sealed class Stepper(Trainee trainee, int batch)
    {
        readonly int time = trainee.Model.Config.BlockSize;
        readonly int[] ids = [.. Enumerable.Range(0, batch * trainee.Model.Config.BlockSize + 1).Select(i => i * 7919 % 65)];

        public void Steps(int count)
        {
            for (int step = 0; step < count; step++)
            {
                float loss = trainee.ForwardBackward(ids.AsSpan(0, batch * time), ids.AsSpan(1, batch * time), 1, batch, time);
                if (!float.IsFinite(loss)) Assert.Fail($"The loss is {loss}.");
                trainee.Update(1e-4);
            }
        }
    }
}
