using System.Text.Json;

namespace NanoGpt.Cli.Tests;

public class BenchCommandTests
{
    static readonly string[] shape = ["--n_layer=2", "--n_head=2", "--n_embd=32", "--block_size=32", "--batch_size=4", "--vocab_size=50", "--threads=1", "--steps=20"];

    [Theory]
    [InlineData("float32")]
    [InlineData("bfloat16")]
    public void One_line_of_JSON_has_the_promised_numbers_and_they_agree(string dtype)
    {
        using var work = new Workplace();
        string output = work.Run(["bench", .. shape, $"--dtype={dtype}", "--json"]).Succeeded().Output;
        Assert.Single(output.TrimEnd('\n').Split('\n'));
        using var json = JsonDocument.Parse(output);
        Assert.Equal(["tokens_per_second", "ms_per_step", "model_gflops", "peak_gflops", "peak_fraction", "between_steps_gflops", "between_steps_fraction", "peak_rss_bytes", "threads", "dtype"],
            json.RootElement.EnumerateObject().Select(p => p.Name));
        double Number(string name) => json.RootElement.GetProperty(name).GetDouble();
        Assert.Equal(4 * 32 / Number("ms_per_step") * 1000, Number("tokens_per_second"), Number("tokens_per_second") * 0.01);
        // 6N + 12·L·C·T, N without the position table
        double n = 50 * 32 + 2 * (12 * 32 * 32 + 2 * 32) + 32, flops = 6 * n + 12.0 * 2 * 32 * 32;
        Assert.Equal(Number("tokens_per_second") * flops / 1e9, Number("model_gflops"), Number("model_gflops") * 0.01);
        Assert.Equal(Number("model_gflops") / Number("peak_gflops"), Number("peak_fraction"), 0.001);
        Assert.InRange(Number("peak_fraction"), 0, 1);
        Assert.Equal(Number("model_gflops") / Number("between_steps_gflops"), Number("between_steps_fraction"), 0.001);
        Assert.InRange(Number("between_steps_gflops"), 0.001, 2 * Number("peak_gflops"));
        Assert.InRange(Number("peak_rss_bytes"), 10e6, 1e9);
        Assert.Equal(1, Number("threads"));
        Assert.Equal(dtype, json.RootElement.GetProperty("dtype").GetString());
    }

    [Fact]
    public void The_table_names_the_machine_and_the_rates()
    {
        using var work = new Workplace();
        string output = work.Run(["bench", .. shape]).Succeeded().Output;
        foreach (string row in (string[])["device", "tokens per second", "time per step", "model rate", "machine peak", "part of the peak", "peak memory"])
            Assert.Contains(row, output);
    }

    [Fact]
    public void The_table_of_writing_has_one_sample_and_several_and_the_cost_of_each_kernel()
    {
        using var work = new Workplace();
        string output = work.Run(["bench", .. shape, "--decode", "--profile"]).Succeeded().Output;
        foreach (string row in (string[])["| 1 |", "| 8 |", "8 together", "LinearForward 8×50×32", "CachedAttention"])
            Assert.Contains(row, output);
    }

    [Fact]
    public void Writing_is_measured_over_one_step_too()
    {
        using var work = new Workplace();
        Assert.Contains("| 1 |", work.Run(["bench", .. shape, "--decode", "--steps=1"]).Succeeded().Output);
    }

    [Theory]
    [InlineData(2, "n_embd 33 is not divisible by n_head 2", "--n_embd=33", "--n_head=2")]
    [InlineData(2, "dtype must be 'float32' or 'bfloat16', got 'int8'", "--dtype=int8")]
    [InlineData(2, "--steps", "--steps=-1")]
    [InlineData(2, "dropout must be", "--decode", "--dropout=7")]
    [InlineData(2, "--json is for one shape", "--decode", "--json")]
    [InlineData(1, "GB", "--decode", "--n_embd=100000", "--n_head=1", "--n_layer=100")]
    [InlineData(1, "GB", "--n_layer=2000000")]
    [InlineData(1, "more memory than can be counted", "--n_embd=2000000000", "--n_head=1")]
    [InlineData(1, "GB", "--n_embd=65536", "--n_head=2", "--n_layer=100")]
    public void A_bad_request_is_one_sentence(int exitCode, string expected, params string[] arguments)
    {
        using var work = new Workplace();
        Assert.Contains(expected, work.Run(["bench", .. arguments]).Fault(exitCode));
    }
}
