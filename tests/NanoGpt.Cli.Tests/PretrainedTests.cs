using System.Text.Json;

namespace NanoGpt.Cli.Tests;

/// <summary>What others have trained can be written with, evaluated and trained further.</summary>
public class PretrainedTests(PretrainedWorkplace pretrained) : IClassFixture<PretrainedWorkplace>
{
    readonly Workplace work = pretrained.Work;

    static readonly string[] few = ["--num_samples=1", "--max_new_tokens=20", "--threads=1"];

    JsonElement Evaluate(params IReadOnlyList<string> arguments) => JsonDocument.Parse(work.Run(["eval", .. arguments, "--json"]).Succeeded().Output).RootElement;

    [Fact]
    public void Sample_writes_with_the_tokenizer_beside_the_weights()
    {
        string output = work.Run(["sample", "--init_from=tiny", "--start=What is the answer", .. few]).Succeeded().Output;
        Assert.StartsWith("What is the answer", output);
        Assert.EndsWith("\n---------------\n", output);
        Assert.True(output.Length > 45, output);
        Assert.Equal(output, work.Run(["sample", "--init_from=tiny/model.safetensors", "--start=What is the answer", .. few]).Succeeded().Output);
    }

    [Fact]
    public void A_data_set_says_what_the_tokens_mean_where_nothing_beside_the_weights_does()
    {
        PretrainedWorkplace.Copy(work, "bare", "config.json", "model.safetensors");
        string fault = work.Run(["sample", "--init_from=bare", .. few]).Fault(1);
        Assert.Contains("Nothing says what the tokens of ", fault);
        Assert.Contains("--data_dir", fault);
        Assert.Equal(work.Run(["sample", "--init_from=tiny", .. few]).Succeeded().Output, work.Run(["sample", "--init_from=bare", "--data_dir=data/shakespeare", .. few]).Succeeded().Output);
    }

    [Fact]
    public void Eval_predicts_a_data_set_that_is_named()
    {
        var result = Evaluate("--init_from=tiny", "--data_dir=data/shakespeare");
        Assert.InRange(result.GetProperty("loss").GetDouble(), 6.8, 8);
        Assert.InRange(result.GetProperty("bits_per_byte").GetDouble(), 2, 8);
        Assert.Contains("name a data set with --data_dir", work.Run("eval", "--init_from=tiny").Fault(2));
        Assert.Contains("model.safetensors (safetensors), 0.2M parameters", work.Run("eval", "--init_from=tiny", "--data_dir=data/shakespeare").Succeeded().Output);
    }

    /// <summary>The loss that PyTorch computes for nanoGPT's checkpoint over 1,742 windows of 64 characters.</summary>
    [Fact]
    public void Eval_of_a_nanoGPT_checkpoint_gives_PyTorchs_loss()
    {
        work.Run("prepare", "shakespeare_char", "--input", Repository.SharedData("tinyshakespeare.txt")).Succeeded();
        var reference = JsonDocument.Parse(File.ReadAllText(Repository.SharedData("torch_ref/nanogpt_char/reference.json"))).RootElement;
        int windows = reference.GetProperty("val_windows").GetInt32(), window = reference.GetProperty("window").GetInt32();
        Directory.CreateDirectory(work["windows"]);
        foreach (string split in (string[])["train.bin", "val.bin"])
            File.WriteAllBytes(Path.Combine(work["windows"], split), File.ReadAllBytes(work[Path.Combine("data", "shakespeare_char", split)])[..((windows * window + 1) * sizeof(ushort))]);
        string ckpt = $"--init_from={Repository.SharedData("torch_ref/nanogpt_char/ckpt.pt")}";
        var result = Evaluate(ckpt, "--data_dir=windows", "--batch_size=67");
        Assert.Equal(windows * window, result.GetProperty("predictions").GetInt32());
        Assert.Equal(2.069819, reference.GetProperty("val_loss_all_windows").GetDouble(), 1e-6);
        Assert.Equal(reference.GetProperty("val_loss_all_windows").GetDouble(), result.GetProperty("loss").GetDouble(), 1e-5);
        Assert.False(result.TryGetProperty("bits_per_byte", out _));

        var whole = Evaluate(ckpt, "--data_dir=data/shakespeare_char");      // with its last window, which is shorter
        Assert.Equal(111_539, whole.GetProperty("predictions").GetInt32());
        Assert.Equal(2.069819, whole.GetProperty("loss").GetDouble(), 1e-3);
        Assert.StartsWith("\n\nThe the the the ", work.Run("sample", ckpt, "--data_dir=data/shakespeare_char", "--temperature=0", "--num_samples=1", "--max_new_tokens=40").Succeeded().Output);
    }

    /// <summary>The characters of nanoGPT's checkpoint are in the meta.pkl of its data set: beside it, where nanoGPT has it, or in a folder that is named.</summary>
    [Fact]
    public void Characters_of_a_nanoGPT_checkpoint_are_found_in_its_meta_pkl()
    {
        using var there = new Workplace();
        Directory.CreateDirectory(there["nano/out"]);
        File.Copy(Repository.SharedData("torch_ref/nanogpt_char/ckpt.pt"), there["nano/out/ckpt.pt"]);
        there.Write("text.txt", File.ReadAllText(Repository.SharedData("tinyshakespeare.txt")));
        there.Run("prepare", "shakespeare_char", "--input", "text.txt", "--out=ours").Succeeded();
        var pickle = new MemoryStream();
        NanoGpt.Models.NanoGptMeta.Write(pickle, File.ReadAllText(there["text.txt"]).Distinct().Order().Select(c => c.ToString()));
        string[] sample = ["sample", "--init_from=nano/out/ckpt.pt", "--temperature=0", .. few];
        string expected = there.Run([.. sample, "--data_dir=ours"]).Succeeded().Output;
        Assert.StartsWith("\n\nThe the the ", expected);
        Assert.Contains("put their tokenizer.json, or nanoGPT's meta.pkl, beside the weights", there.Run(sample).Fault(1));

        foreach (string place in (string[])["nano/out", "nano/data/shakespeare_char", "data/shakespeare_char"])
        {
            there.WriteBytes($"{place}/meta.pkl", pickle.ToArray());
            Assert.Equal(expected, there.Run(sample).Succeeded().Output);
            File.Delete(there[$"{place}/meta.pkl"]);
        }
        there.WriteBytes("elsewhere/meta.pkl", pickle.ToArray());
        Assert.Equal(expected, there.Run([.. sample, "--data_dir=elsewhere"]).Succeeded().Output);
        there.Run("export", "--init_from=nano/out/ckpt.pt", "--data_dir=elsewhere", "--format=gguf", "--to=model.gguf").Succeeded();
        Assert.StartsWith("\n\nThe the the ", there.Run(["sample", "--init_from=model.gguf", "--temperature=0", .. few]).Succeeded().Output);

        there.WriteBytes("nano/out/meta.pkl", [.. "cposix\nsystem\nX"u8, 15, 0, 0, 0, .. "touch was-called"u8, 0x85, (byte)'R', (byte)'.']);
        Assert.Contains("the pickle names 'posix.system', which is neither a tensor nor a plain value; nothing in it was run", there.Run(sample).Fault(1));
        Assert.False(File.Exists(there["was-called"]));
        var other = new MemoryStream();
        NanoGpt.Models.NanoGptMeta.Write(other, ["a", "b"]);
        there.WriteBytes("nano/out/meta.pkl", other.ToArray());
        Assert.Contains("know 65 tokens, but", there.Run(sample).Fault(1));
    }

    [Fact]
    public void Fine_tuning_lowers_the_validation_loss_by_more_than_one_nat_in_twenty_steps()
    {
        string output = work.Run("train", Path.Combine(Repository.Root, "configs", "finetune_shakespeare.json"), "--init_from=tiny", "--data_dir=data/shakespeare", "--out_dir=out-tuned", "--block_size=64",
            "--batch_size=4", "--gradient_accumulation_steps=2", "--learning_rate=3e-3", "--eval_interval=20", "--sample_tokens=10").Succeeded().Output;
        var losses = work.Losses("out-tuned").Where(line => line.Contains("val_loss=", StringComparison.Ordinal)).Select(line => double.Parse(line[(line.IndexOf("val_loss=", StringComparison.Ordinal) + 9)..].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(2, losses.Count);
        Assert.True(losses[0] - losses[1] > 1, $"{losses[0]} to {losses[1]}\n{output}");
        work.Run(["sample", "--out_dir=out-tuned", .. few]).Succeeded();
        Assert.Contains("n_layer: 12 is ignored; the weights in tiny have 3.", work.Run("train", "--init_from=tiny", "--data_dir=data/shakespeare", "--n_layer=12", "--eval_only", "--eval_iters=1", "--batch_size=1").Succeeded().Output);
    }

    [Fact]
    public void Data_of_another_tokenizer_is_refused_and_both_are_named()
    {
        work.Write("text.txt", string.Concat(Enumerable.Range(0, 300).Select(i => $"{i} of 300.\n")));
        work.Run("prepare", "text_char", "--input", "text.txt", "--out", "chars").Succeeded();
        string[] train = ["train", "--data_dir=chars", "--max_iters=1", "--block_size=16", "--batch_size=1", "--out_dir=refused"];
        string fault = work.Run([.. train, "--init_from=tiny"]).Fault(1);
        Assert.Contains("tiny were trained with the tokenizer 'bpe:", fault);
        Assert.Contains("chars holds tokens of the tokenizer 'char:", fault);
        Assert.Contains("--tokenizer=tiny", fault);
        string bare = work.Run([.. train, $"--init_from={PretrainedWorkplace.Tiny}"]).Fault(1);      // no tokenizer beside: the sizes tell
        Assert.Contains("know 1,024 tokens, but chars holds tokens of the tokenizer 'char:", bare);
        Assert.False(Directory.Exists(work["refused"]));
        Assert.Contains("but chars holds", work.Run("eval", "--init_from=tiny", "--data_dir=chars").Fault(1));
        Assert.Contains("but chars holds", work.Run(["sample", "--init_from=tiny", "--data_dir=chars", .. few]).Fault(1));
    }

    [Fact]
    public void A_tokenizer_that_is_larger_than_the_weights_know_is_refused()
    {
        PretrainedWorkplace.Copy(work, "wrong", "config.json", "model.safetensors");
        work.Run("tokenizer", "train", "--input", Repository.SharedData("tinyshakespeare.txt"), "--vocab_size=1100", "--out=wrong").Succeeded();
        Assert.Contains("wrong: its weights know 1024 tokens, but the tokenizer beside them has 1100", work.Run(["sample", "--init_from=wrong", .. few]).Fault(1));
    }

    /// <summary>A vocabulary that is padded, as nanoGPT and llm.c round GPT-2's up to 50,304: what only pads it is never drawn, and left out of an export.</summary>
    [Fact]
    public void A_padded_vocabulary_writes_only_tokens_that_mean_something()
    {
        PretrainedWorkplace.Copy(work, "padded", "config.json", "model.safetensors");
        string text = Repository.SharedData("tinyshakespeare.txt");
        work.Run("tokenizer", "train", "--input", text, "--vocab_size=600", "--out=padded").Succeeded();
        work.Run("sample", "--init_from=padded", "--num_samples=4", "--max_new_tokens=80", "--top_k=0", "--temperature=2", "--threads=1").Succeeded();
        work.Run("prepare", "shakespeare", "--input", text, "--tokenizer=padded", "--out=data/padded").Succeeded();
        string trained = work.Run("train", "--init_from=padded", "--data_dir=data/padded", "--out_dir=out-padded", "--max_iters=1", "--block_size=32", "--batch_size=1", "--gradient_accumulation_steps=1", "--eval_iters=1",
            "--decay_lr=False", "--sample_interval=1", "--sample_tokens=60", "--sample_top_k=0", "--threads=1").Succeeded().Output;
        Assert.Contains("step 1: sample", trained);
        Assert.Contains("It writes:", trained);
        string resumed = work.Run("train", "--out_dir=out-padded", "--init_from=resume", "--max_iters=2").Succeeded().Output;
        foreach (string line in (string[])["model  ", "memory  "]) Assert.Equal(Line(trained, line), Line(resumed, line));
        work.Run("export", "--init_from=padded", "--format=gguf", "--to=padded.gguf").Succeeded();
        work.Run("export", "--init_from=padded", "--format=hf", "--to=padded-hf").Succeeded();
        work.Run("export", "--init_from=padded", "--format=nanogpt", "--to=padded-nanogpt").Succeeded();
        foreach (var (path, rows) in new (string, int)[] { ("padded.gguf", 600), ("padded-hf", 600), ("padded-nanogpt", 1024) })
        {
            using var weights = NanoGpt.Models.PretrainedWeights.Open(work[path]);
            Assert.Equal(rows, weights.Config.VocabSize);
        }

        static string Line(string output, string start) => Assert.Single(output.Split('\n'), line => line.StartsWith(start, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("init_from='nothing': there is no such file or folder", 2, "nothing")]
    [InlineData("the folder holds no weights", 1, "data")]
    [InlineData("not a valid safetensors file", 1, "tokenizer/merges.txt", true)]
    public void What_is_no_model_is_one_sentence(string expected, int exitCode, string path, bool config = false)
    {
        if (config) File.Copy(work["tiny/config.json"], work["tokenizer/config.json"], overwrite: true);
        Assert.Contains(expected, work.Run(["sample", $"--init_from={path}", .. few]).Fault(exitCode));
        Assert.Contains(expected, work.Run("train", $"--init_from={path}").Fault(exitCode));
    }
}
