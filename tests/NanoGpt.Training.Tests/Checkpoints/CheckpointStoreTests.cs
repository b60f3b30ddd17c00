using System.Security.Cryptography;
using System.Text;
using NanoGpt.Models;

namespace NanoGpt.Training.Tests;

public sealed class CheckpointStoreTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    CheckpointStore Store(int keep = 0) => new(folder.Path, keep);

    [Fact]
    public void What_is_saved_loads_again_with_every_value()
    {
        var saved = Store().Save(250, best: true);
        Assert.Equal("step-00000250", saved.Name);
        Assert.Equal(folder.File(Path.Combine("checkpoints", "step-00000250")), saved.Directory);
        foreach (string name in (string[])["last", "best", "step-00000250"])
            Assert.Equal(250, Store().LoadWhole(name));
        Assert.Equal("0.1.0", Store().Load("last").State.Version);
        using var model = saved.OpenModel();
        Assert.Equal("pt", model.Metadata["format"]);
        Assert.Equal([3, 4], model["wte"].Shape);
    }

    [Fact]
    public void The_best_and_the_last_share_their_data_when_they_are_the_same()
    {
        Store().Save(100, best: true);
        Assert.Equal(["best", "last", "step-00000100"], Run.Entries(folder));
        Assert.Equal(File.ReadAllBytes(folder.File("checkpoints/best")), File.ReadAllBytes(folder.File("checkpoints/last")));
        Store().Save(200);
        Assert.Equal(["best", "last", "step-00000100", "step-00000200"], Run.Entries(folder));
        Store().Save(300);
        Assert.Equal(["best", "last", "step-00000100", "step-00000300"], Run.Entries(folder));
        Assert.Equal((100, 300), (Store().LoadWhole("best"), Store().LoadWhole("last")));
        Store().Save(400, best: true);
        Assert.Equal(["best", "last", "step-00000400"], Run.Entries(folder));
    }

    [Fact]
    public void The_newest_so_many_are_kept_beside_the_best()
    {
        for (int iter = 100; iter <= 600; iter += 100)
            Store(keep: 3).Save(iter, best: iter == 200);
        Assert.Equal(["best", "last", "step-00000200", "step-00000400", "step-00000500", "step-00000600"], Run.Entries(folder));
        Assert.Equal(400, Store().LoadWhole("step-00000400"));
    }

    [Fact]
    public void A_run_that_goes_back_drops_the_future_it_left()
    {
        for (int iter = 100; iter <= 500; iter += 100)
            Store(keep: 9).Save(iter, best: iter == 200);
        Store(keep: 9).Save(300);
        Assert.Equal(["best", "last", "step-00000100", "step-00000200", "step-00000300", "step-00000300-2"], Run.Entries(folder));
        Assert.Equal("step-00000300-2", Store().Load("last").Name);
        Store(keep: 2).Save(400);
        Assert.Equal(["best", "last", "step-00000200", "step-00000300-2", "step-00000400"], Run.Entries(folder));
    }

    [Fact]
    public void A_run_that_goes_on_from_another_than_the_last_makes_it_the_last()
    {
        foreach (int iter in (int[])[100, 200]) Store(keep: 9).Save(iter);
        var disk = new LoggingDisk();
        var store = new CheckpointStore(folder.Path, 9, disk);
        store.GoOnFrom(store.Load("last"));
        Assert.Empty(disk.Log);
        store.GoOnFrom(store.Load("step-00000100"));
        Assert.Equal(["write .tmp-last", "move .tmp-last to last", "sync checkpoints"], disk.Log);
        Assert.Equal(100, store.LoadWhole("last"));
    }

    [Fact]
    public async Task What_is_removed_while_it_is_read_is_read_anew()
    {
        float[] values = new float[1_000_000];      // so much that reading takes longer than removing
        Save(0);
        var saving = Task.Run(() => Array.ForEach([.. Enumerable.Range(1, 30)], Save), TestContext.Current.CancellationToken);
        int newest = 0;
        while (!saving.IsCompleted)
        {
            int iter = Store().Load("last").State.IterNum;
            Assert.True(iter >= newest);
            newest = iter;
        }
        await saving;

        void Save(int iter) => Store().Save(Run.State(iter), writer =>
        {
            writer.Declare("big", values.Length);
            writer.Write("big", values);
        }, Run.Optimizer(iter), best: false);
    }

    [Fact]
    public void Saving_the_same_state_twice_gives_the_same_bytes()
    {
        Store(keep: 2).Save(100);
        Store(keep: 2).Save(100);
        foreach (string file in (string[])["model.safetensors", "optimizer.safetensors", "state.json"])
            Assert.Equal(File.ReadAllBytes(folder.File($"checkpoints/step-00000100/{file}")), File.ReadAllBytes(folder.File($"checkpoints/step-00000100-2/{file}")));
    }

    [Fact]
    public void A_loss_before_the_first_evaluation_is_infinite_and_stays_so()
    {
        Store().Save(Run.State(0) with { BestValLoss = double.PositiveInfinity }, Run.Model(0), Run.Optimizer(0), best: false);
        Assert.Equal(double.PositiveInfinity, Store().Load("last").State.BestValLoss);
    }

    [Fact]
    public void An_entry_that_older_versions_wrote_is_passed_over()
    {
        string state = Encoding.UTF8.GetString(StateFile.Write(Run.State(5), new Dictionary<string, FileSum>()));
        Assert.DoesNotContain("data_position", state);
        string body = state[..state.IndexOf(",\n  \"sha256\"", StringComparison.Ordinal)].Replace("\"iter_num\"", "\"data_position\": 200,\n  \"iter_num\"", StringComparison.Ordinal);
        byte[] older = Encoding.UTF8.GetBytes($"{body},\n  \"sha256\": \"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(body)))}\"\n}}\n");
        Assert.Equal(Run.State(5), StateFile.Read("state.json", older).State);
    }

    [Fact]
    public void Everything_is_flushed_before_it_gets_its_name()
    {
        Store().Save(1, best: true);
        var disk = new LoggingDisk();
        new CheckpointStore(folder.Path, 0, disk).Save(2, best: true);
        Assert.Equal([
            "create checkpoints",
            "sync checkpoints", "create .tmp-step-00000002",
            "write model.safetensors", "write optimizer.safetensors", "write state.json", "sync .tmp-step-00000002",
            "move .tmp-step-00000002 to step-00000002", "sync checkpoints",
            "write .tmp-best", "move .tmp-best to best", "sync checkpoints",
            "write .tmp-last", "move .tmp-last to last", "sync checkpoints",
            "move step-00000001 to .tmp-step-00000001", "delete .tmp-step-00000001"], disk.Log);
    }

    [Fact]
    public void A_run_without_checkpoints_says_how_to_start_one()
    {
        string message = Assert.Throws<FileNotFoundException>(() => Store().Load("last")).Message;
        Assert.Equal($"{folder.File("checkpoints")}: there is no checkpoint to resume from; start a run with --init_from=scratch.", message);
        Assert.False(Directory.Exists(folder.File("checkpoints")));
    }

    [Theory]
    [InlineData("best")]
    [InlineData("step-00000200")]
    [InlineData("step-100")]
    [InlineData("latest")]
    [InlineData("../checkpoints/step-00000100")]
    [InlineData("")]
    public void A_name_that_is_not_there_gets_the_newest_that_is(string name)
    {
        Store().Save(100);
        Assert.False(Store().Contains(name));
        string message = Assert.Throws<InvalidDataException>(() => Store().Load(name)).Message;
        Assert.EndsWith("there is no checkpoint of this name; the newest other good checkpoint is that of iteration 100: "
            + "continue with --init_from=resume --resume_from=step-00000100", message);
    }

    [Fact]
    public void A_fault_of_the_caller_leaves_nothing_behind()
    {
        Store().Save(100);
        Assert.Throws<InvalidOperationException>(() => Store().Save(Run.State(200), Run.Model(200), writer => writer.Declare("never written", 5), best: true));
        Assert.Equal(["last", "step-00000100"], Run.Entries(folder));
    }

    [Fact]
    public void Tensors_larger_than_any_buffer_are_checked_too()
    {
        float[] values = [.. Enumerable.Range(0, 1_000_000).Select(i => i * 0.5f)];
        var saved = Store().Save(Run.State(1), Write, Run.Optimizer(1), best: false);
        using (var model = Store().Load("last").OpenModel())
        {
            float[] read = new float[values.Length];
            model.ReadFloat32("big", read);
            Assert.Equal(values, read);
        }
        using (var file = File.OpenWrite(Path.Combine(saved.Directory, "model.safetensors")))
        {
            file.Position = 3_000_000;
            file.WriteByte(1);
        }
        Assert.Throws<InvalidDataException>(() => Store().Load("last"));

        void Write(SafetensorsWriter writer)
        {
            writer.Declare("big", values.Length);
            writer.Write("big", values);
        }
    }
}
