using NanoGpt.Models;

namespace NanoGpt.Training.Tests;

/// <summary>What a tiny run would save: contents that are a function of the iteration, so that a mixture of two saves shows.</summary>
static class Run
{
    public static CheckpointState State(int iter) => new()
    {
        IterNum = iter,
        BestValLoss = 1.0 / (iter + 1),
        Config = new TrainConfig { NLayer = 2, OutDir = "out-é", LearningRate = 1e-3 },
        Model = new GptConfig(BlockSize: 16, VocabSize: 65, NLayer: 2, NHead: 2, NEmbd: 32, Dropout: 0.1, Bias: true),
        DataIdentity = "shakespeare_char sha256:86c4",
    };

    public static Action<SafetensorsWriter> Model(int iter) => Tensors(iter, "wte", "wpe");
    public static Action<SafetensorsWriter> Optimizer(int iter) => Tensors(-iter, "wte.m", "wte.v", "wpe.m", "wpe.v");

    static Action<SafetensorsWriter> Tensors(int value, params string[] names) => writer =>
    {
        foreach (string name in names)
            writer.Declare(name, 3, 4);
        foreach (string name in names)
            writer.Write(name, Enumerable.Repeat((float)value, 12).ToArray());
    };

    public static Checkpoint Save(this CheckpointStore store, int iter, bool best = false) => store.Save(State(iter), Model(iter), Optimizer(iter), best);

    /// <summary>Loads a checkpoint and checks that it is exactly that of its iteration.</summary>
    public static int LoadWhole(this CheckpointStore store, string name)
    {
        var checkpoint = store.Load(name);
        int iter = checkpoint.State.IterNum;
        Assert.Equal(State(iter), checkpoint.State);
        float[] values = new float[12];
        using var model = checkpoint.OpenModel();
        using var optimizer = checkpoint.OpenOptimizer();
        model.ReadFloat32("wpe", values);
        Assert.All(values, value => Assert.Equal(iter, value));
        optimizer.ReadFloat32("wpe.v", values);
        Assert.All(values, value => Assert.Equal(-iter, value));
        return iter;
    }

    /// <summary>The entries of the folder of checkpoints, the partial ones too.</summary>
    public static string[] Entries(TemporaryFolder folder) =>
        [.. Directory.EnumerateFileSystemEntries(folder.File("checkpoints")).Select(Path.GetFileName).Order(StringComparer.Ordinal)!];
}
