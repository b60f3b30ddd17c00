using System.Text.Json;

namespace NanoGpt.Cli.Tests;

/// <summary>Training on shards as llm.c and build-nanogpt leave them, without a <c>meta.json</c>.</summary>
public class ShardTrainingTests
{
    static string[] Files(string format) =>
        [$"--train_files={Repository.SharedData("shards/books_train_000001.bin").Replace("000001", "*", StringComparison.Ordinal)}", $"--val_files={Repository.SharedData($"shards/books_val_000000.{format}")}"];

    static readonly string[] Small = ["--n_layer=1", "--n_head=2", "--n_embd=8", "--block_size=16", "--batch_size=2", "--gradient_accumulation_steps=2", "--eval_iters=1", "--eval_interval=100", "--log_interval=1", "--threads=1"];

    [Theory]
    [InlineData("sequential")]
    [InlineData("document")]
    public void A_resumed_run_sees_the_batches_of_one_that_was_not_stopped(string order)
    {
        using var work = new Workplace();
        string[] run = ["train", .. Small, .. Files("bin"), $"--data_order={order}"];
        string output = work.Run([.. run, "--max_iters=3", "--out_dir=whole"]).Succeeded().Output;
        Assert.Contains($"274,888 train and 79,171 val tokens, in {order} order", output);
        work.Run([.. run, "--max_iters=1", "--out_dir=parts"]).Succeeded();
        work.Run("train", "--out_dir=parts", "--init_from=resume", "--max_iters=3").Succeeded();
        Assert.Equal(Steps("whole"), Steps("parts"));

        string error = work.Run("train", "--out_dir=parts", "--init_from=resume", "--max_iters=5", "--data_order=random").Fault(1);
        Assert.Contains($"order:{order}", error);
        error = work.Run(["train", "--out_dir=parts", "--init_from=resume", "--max_iters=5", .. Files("npy")]).Fault(1);
        Assert.Contains("was trained on 'tokens train:", error);

        string[] Steps(string folder) => [.. work.Losses(folder).Where(line => line.Contains("loss=", StringComparison.Ordinal) && !line.Contains("val_loss", StringComparison.Ordinal))];
    }

    [Theory]
    [InlineData(2, "data_order must be 'random'", "--data_order=shuffled")]
    [InlineData(2, "train_files needs val_files", "--train_files=x_*.bin")]
    [InlineData(1, "No file matches 'x_*.bin'", "--train_files=x_*.bin", "--val_files=y.bin")]
    public void Bad_keys_are_one_sentence(int exitCode, string expected, params string[] keys)
    {
        using var work = new Workplace();
        Assert.Contains(expected, work.Run(["train", .. Small, .. keys]).Fault(exitCode));
    }

    [Fact]
    public void Eval_and_sample_take_the_files_that_the_run_was_trained_on_and_GPT2s_tokens()
    {
        using var work = new Workplace();
        work.Run(["train", .. Small, .. Files("npy"), "--max_iters=1", "--out_dir=out"]).Succeeded();
        using (var json = JsonDocument.Parse(work.Run("eval", "--out_dir=out", "--json").Succeeded().Output))
        {
            Assert.Contains("books_val_000000.npy", json.RootElement.GetProperty("stream").GetString());
            Assert.Equal(79_171, json.RootElement.GetProperty("stream_tokens").GetInt64());
            Assert.Equal(79_170, json.RootElement.GetProperty("predictions").GetInt64());
        }
        using (var json = JsonDocument.Parse(work.Run("eval", "--out_dir=out", "--split=train", "--json").Succeeded().Output))
            Assert.Equal(274_888, json.RootElement.GetProperty("stream_tokens").GetInt64());
        work.Run("sample", "--out_dir=out", "--num_samples=1", "--max_new_tokens=5").Succeeded();
    }
}
