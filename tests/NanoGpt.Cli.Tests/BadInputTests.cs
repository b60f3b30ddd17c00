
namespace NanoGpt.Cli.Tests;

/// <summary>Whatever is wrong: one sentence that names it, an exit code, nothing lost.</summary>
public class BadInputTests
{
    [Theory]
    [InlineData(1, "nowhere.json", "nowhere.json")]
    [InlineData(2, "did you mean '--learning_rate'", "--learnin_rate=1")]
    [InlineData(2, "--n_layer: expected an integer", "--n_layer=many")]
    [InlineData(2, "n_embd (16) is not divisible by n_head (3)", "--n_head=3")]
    [InlineData(2, "block_size 5000 needs 5001 tokens", "--block_size=5000")]
    [InlineData(2, "dtype must be 'float32' or 'bfloat16', got 'float16'", "--dtype=float16")]
    [InlineData(2, "did you mean 'text_char'", "--dataset=text_chars")]
    [InlineData(1, "There is no prepared data set in 'no/such/place'", "--data_dir=no/such/place")]
    [InlineData(1, "there is no checkpoint to resume from", "--init_from=resume")]
    [InlineData(2, "'é' (U+00E9)", "--sample_prompt=é")]
    [InlineData(1, "nanogpt prepare jsonl --input my-text", "--dataset=jsonl")]
    [InlineData(1, "more memory than can be counted", "--n_embd=2000000000", "--n_head=1")]
    [InlineData(1, "This run needs", "--n_embd=65536", "--n_layer=96", "--block_size=64")]
    public void A_request_that_cannot_be_done_is_one_sentence(int exitCode, string expected, params string[] arguments)
    {
        using var work = Workplace.WithData();
        Assert.Contains(expected, work.Train("out", arguments).Fault(exitCode));
        Assert.False(Directory.Exists(work["out"]), "something was left");
    }

    [Fact]
    public void A_plan_beyond_the_memory_is_shown_and_refused_with_the_sizes()
    {
        using var work = Workplace.WithData();
        var outcome = work.Train("out", "--n_embd=65536", "--n_layer=96");
        Assert.Contains("memory ", outcome.Output);
        Assert.Matches(@"This run needs [\d.]+ GB \(weights [\d.]+ GB, .*\), but this machine has [\d.]+ GB", outcome.Fault(1));
    }

    [Fact]
    public void A_config_with_a_fault_is_named_with_its_line()
    {
        using var work = Workplace.WithData();
        work.Write("c.json", "{\n  \"n_layers\": 2\n}\n");
        Assert.Contains("c.json:2: unknown key 'n_layers'; did you mean 'n_layer'?", work.Train("out", "c.json").Fault(1));
    }

    [Theory]
    [InlineData("train.bin")]
    [InlineData("val.bin")]
    public void Damaged_token_files_are_named(string file)
    {
        using var work = Workplace.WithData();
        string path = work[Path.Combine("data", "text_char", file)];
        byte[] good = File.ReadAllBytes(path);

        File.WriteAllBytes(path, []);
        Assert.Contains($"{file}' is empty", work.Train("out").Fault(1));
        File.WriteAllBytes(path, good[..^1]);
        Assert.Contains("odd length", work.Train("out").Fault(1));
        File.WriteAllBytes(path, [.. good[..100], 0xFF, 0x7F, .. good[102..]]);
        Assert.Contains("token 32767 at position 50, outside the vocabulary", work.Train("out").Fault(1));
    }

    [Theory]
    [InlineData("model.safetensors", true)]
    [InlineData("model.safetensors", false)]
    [InlineData("optimizer.safetensors", true)]
    [InlineData("optimizer.safetensors", false)]
    [InlineData("state.json", true)]
    [InlineData("state.json", false)]
    public void A_damaged_checkpoint_is_found_out_and_the_previous_one_offered(string file, bool truncated)
    {
        using var work = Workplace.WithData();
        work.Train("out", "--keep_checkpoints=2").Succeeded();
        string path = work[Path.Combine("out", "checkpoints", "step-00000041", file)];
        byte[] bytes = File.ReadAllBytes(path);
        if (truncated) bytes = bytes[..^10];
        else bytes[bytes.Length / 2] ^= 4;
        File.WriteAllBytes(path, bytes);

        string fault = work.Run("train", "--out_dir=out", "--init_from=resume", "--max_iters=45").Fault(1);
        Assert.Contains(file, fault);
        Assert.EndsWith("continue with --init_from=resume --resume_from=step-00000040", fault);
        Assert.EndsWith("continue with --checkpoint=step-00000040", work.Run("sample", "--out_dir=out", "--checkpoint=last").Fault(1));
        work.Run("train", "--out_dir=out", "--init_from=resume", "--resume_from=step-00000040", "--max_iters=45").Succeeded();
    }

    [Fact]
    public void A_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint()
    {
        using var work = Workplace.WithData();
        work.Train("out").Succeeded();
        string last = File.ReadAllText(work[Path.Combine("out", "checkpoints", "last")]);
        var outcome = work.Run("train", "--out_dir=out", "--init_from=resume", "--max_iters=80", "--decay_lr=False", "--learning_rate=1e25", "--grad_clip=0", "--checkpoint_interval=1");
        string fault = outcome.Fault(1);
        Assert.Matches(@"diverged at iteration \d+: .*gradient norm .*learning rate 1e\+25; the checkpoint of iteration \d+ is kept", fault);
        work.Run("train", "--out_dir=out", "--init_from=resume", "--learning_rate=1e-3", "--max_iters=80", "--eval_only").Succeeded();
        Assert.NotEmpty(last);
    }

    [Fact]
    public void A_full_disk_leaves_the_checkpoint_from_before()
    {
        using var work = Workplace.WithData();
        using var small = new SmallFileSystem(work["small"], megabytes: 3);
        // A checkpoint of this model takes about 1.9 MB: one fits, a second beside it does not.
        string fault = work.Train(Path.Combine("small", "out"), "--n_layer=3", "--n_embd=64", "--n_head=2").Fault(1);
        Assert.Contains("cannot save the checkpoint of iteration 40", fault);
        Assert.Contains("the checkpoint from before is untouched", fault);
        Assert.Contains("step 20:", work.Run("train", $"--out_dir={Path.Combine("small", "out")}", "--init_from=resume", "--eval_only").Succeeded().Output);
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_named()
    {
        using var work = Workplace.WithData();
        work.Write("out", "a file where the folder should be");
        Assert.Contains("out", work.Train("out").Fault(1));
    }

    [Fact]
    public void A_file_where_a_folder_should_be_and_the_other_way_round_is_one_sentence()
    {
        using var work = Workplace.WithData();
        work.Write("taken", "a file");
        work.Write("empty.txt", "");
        Assert.Contains("'taken' is a file; name a folder for the run with --out_dir.", work.Train("taken").Fault(1));
        Assert.Contains("The folder of the run cannot be made at 'taken/out'", work.Train("taken/out").Fault(1));
        Assert.Contains("'taken' is a file; name a folder for the data set with --out.", work.Run("prepare", "text", "--input", "text.txt", "--out", "taken").Fault(1));
        Assert.Contains("empty.txt' is empty; give files with text.", work.Run("prepare", "text", "--input", "empty.txt", "--out", "new").Fault(1));
        Assert.Equal("a file", File.ReadAllText(work["taken"]));
        work.Train("out").Succeeded();
        Assert.Contains("--start: 'data' is a folder", work.Run("sample", "--out_dir=out", "--start=FILE:data").Fault(1));
        // A name that no device has: a test that fails must not replace one.
        if (!OperatingSystem.IsWindows()) Assert.Contains("is a device", work.Run("export", "--out_dir=out", "--format=gguf", "--to=/dev/nanogpt-test.gguf").Fault(1));
    }
}
