using System.Text;

namespace NanoGpt.Training.Tests;

public sealed class CheckpointDamageTests : IDisposable
{
    readonly TemporaryFolder folder = new();
    readonly CheckpointStore store;

    public CheckpointDamageTests()
    {
        store = new CheckpointStore(folder.Path);
        store.Save(100, best: true);
        store.Save(200);
    }

    public void Dispose() => folder.Dispose();

    public static TheoryData<string> Files =>
        ["last", "step-00000200/state.json", "step-00000200/model.safetensors", "step-00000200/optimizer.safetensors"];

    string PathOf(string file) => Path.Combine([folder.Path, "checkpoints", .. file.Split('/')]);

    /// <summary>The newest whole checkpoint beside the damaged file.</summary>
    static int Other(string file) => file == "last" ? 200 : 100;

    void AssertRefused(string file)
    {
        string message = Assert.Throws<InvalidDataException>(() => store.LoadWhole("last")).Message;
        Assert.StartsWith($"{PathOf(file)}: ", message);
        Assert.EndsWith($"; the newest other good checkpoint is that of iteration {Other(file)}: "
            + $"continue with --init_from=resume --resume_from=step-00000{Other(file)}", message);
    }

    [Theory, MemberData(nameof(Files))]
    public void A_flipped_bit_anywhere_is_detected(string file)
    {
        byte[] good = File.ReadAllBytes(PathOf(file));
        int stride = Math.Max(1, good.Length * 8 / 1000) | 1;       // odd, so that every bit of a byte has its turn
        for (int bit = 0; bit < good.Length * 8; bit += stride)
        {
            byte[] bad = [.. good];
            bad[bit / 8] ^= (byte)(1 << bit % 8);
            File.WriteAllBytes(PathOf(file), bad);
            AssertRefused(file);
        }
        File.WriteAllBytes(PathOf(file), good);
        Assert.Equal(200, store.LoadWhole("last"));
    }

    [Theory, MemberData(nameof(Files))]
    public void A_file_cut_short_or_grown_or_emptied_is_detected(string file)
    {
        byte[] good = File.ReadAllBytes(PathOf(file));
        for (int length = 0; length < good.Length; length += Math.Max(1, good.Length / 100))
        {
            File.WriteAllBytes(PathOf(file), good[..length]);
            AssertRefused(file);
        }
        File.WriteAllBytes(PathOf(file), [.. good, 0]);
        AssertRefused(file);
        File.WriteAllBytes(PathOf(file), new byte[good.Length]);
        AssertRefused(file);
    }

    [Theory, MemberData(nameof(Files))]
    public void A_missing_file_is_named(string file)
    {
        File.Delete(PathOf(file));
        AssertRefused(file);
    }

    [Fact]
    public void A_file_of_another_checkpoint_is_detected()
    {
        string[] files = ["model.safetensors", "optimizer.safetensors", "state.json"];
        foreach (string file in files)
        {
            byte[] good = File.ReadAllBytes(PathOf($"step-00000200/{file}"));
            File.Copy(PathOf($"step-00000100/{file}"), PathOf($"step-00000200/{file}"), overwrite: true);
            AssertRefused(file == "state.json" ? "step-00000200/model.safetensors" : $"step-00000200/{file}");
            File.WriteAllBytes(PathOf($"step-00000200/{file}"), good);
        }
        foreach (string file in files)
            File.Copy(PathOf($"step-00000100/{file}"), PathOf($"step-00000200/{file}"), overwrite: true);
        Assert.StartsWith($"{PathOf("last")}: ", Assert.Throws<InvalidDataException>(() => store.Load("last")).Message);
    }

    [Fact]
    public void When_nothing_is_whole_the_error_says_so()
    {
        foreach (string step in (string[])["step-00000100", "step-00000200"])
            File.WriteAllText(PathOf($"{step}/model.safetensors"), "x");
        Assert.EndsWith("; no other checkpoint of this run is whole; start again with --init_from=scratch",
            Assert.Throws<InvalidDataException>(() => store.Load("last")).Message);
    }

    [Fact]
    public void While_a_pointer_is_damaged_nothing_is_removed()
    {
        File.WriteAllText(PathOf("best"), "nonsense");
        store.Save(300);
        Assert.Equal(["best", "last", "step-00000100", "step-00000200", "step-00000300"], Run.Entries(folder));
        store.Save(400, best: true);
        Assert.Equal(["best", "last", "step-00000400"], Run.Entries(folder));
    }

    [Fact]
    public void A_checkpoint_of_a_newer_format_names_the_version_to_use()
    {
        byte[] bytes = StateFile.Write(Run.State(1) with { Version = "9.9.9" }, new Dictionary<string, FileSum>());
        string newer = Encoding.UTF8.GetString(bytes).Replace("\"format\": 1", "\"format\": 2");
        string body = newer[..newer.LastIndexOf(",\n", StringComparison.Ordinal)];
        string sum = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(body)));
        string message = Assert.Throws<InvalidDataException>(() => StateFile.Read("s", Encoding.UTF8.GetBytes($"{body},\n  \"sha256\": \"{sum}\"\n}}\n"))).Message;
        Assert.Contains("format 2", message);
        Assert.Contains("9.9.9", message);
    }
}
