namespace NanoGpt.Cli.Tests;

public class DataCommandTests
{
    [Fact]
    public void Info_shows_what_shards_hold()
    {
        string file = Repository.SharedData("shards/books_val_000000.bin");
        using var work = new Workplace();
        string output = work.Run("data", "info", file).Succeeded().Output;
        foreach (string expected in (string[])["llm.c .bin, uint16", "tokens     79,171", "documents  60 ", "unknown: no meta.json", "sha256     a080a855f0ef91162d96d225d2b3f705c3681e915c57dc63f192b54a3b1c695f"])
            Assert.Contains(expected, output);
    }

    [Fact]
    public void Verify_passes_good_files_and_names_each_fault()
    {
        string folder = Path.GetDirectoryName(Repository.SharedData("shards/books_val_000000.bin"))!;
        using var work = new Workplace();
        string output = work.Run("data", "verify", Path.Combine(folder, "*.bin"), Path.Combine(folder, "*.npy"), "--vocab_size=50257").Succeeded().Output;
        Assert.Equal(5, output.Split('\n').Count(line => line.StartsWith("ok  ", StringComparison.Ordinal)));
        Assert.Contains("outside the vocabulary of 50256", work.Run("data", "verify", Path.Combine(folder, "nanogpt_val.bin"), "--vocab_size=50256").Fault(1));
        Assert.Contains("No file matches", work.Run("data", "verify", "none*.bin").Fault(1));
    }

    [Fact]
    public void Verify_holds_files_against_meta_json()
    {
        using var work = Workplace.WithData();
        string train = work[Path.Combine("data", "text_char", "train.bin")];
        Assert.Contains("hash as in meta.json", work.Run("data", "verify", "data/text_char").Succeeded().Output);
        byte[] bytes = File.ReadAllBytes(train);
        bytes[100] ^= 1;
        File.WriteAllBytes(train, bytes);
        var outcome = work.Run("data", "verify", "data/text_char");
        Assert.Contains("was changed or is damaged", outcome.Fault(1));
        Assert.Contains("ok  " + Path.Combine("data/text_char", "val.bin"), outcome.Output);
        File.Delete(train);
        Assert.Contains("train.bin", work.Run("data", "verify", "data/text_char").Fault(1));
    }
}
