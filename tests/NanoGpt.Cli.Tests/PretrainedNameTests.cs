using System.Text.Json;
using NanoGpt.Data.Tests;

namespace NanoGpt.Cli.Tests;

/// <summary>A GPT-2 that is named is looked for in a folder, then in Hugging Face's cache, then downloaded. The tiny one stands for it.</summary>
public class PretrainedNameTests(PretrainedWorkplace pretrained) : IClassFixture<PretrainedWorkplace>, IDisposable
{
    readonly string source = pretrained.Work["tiny"];
    readonly Workplace work = Prepare();

    static readonly string[] sample = ["sample", "--init_from=gpt2", "--num_samples=1", "--max_new_tokens=5", "--threads=1"];

    static Workplace Prepare()
    {
        var work = new Workplace();
        PretrainedWorkplace.Isolate(work);
        return work;
    }

    public void Dispose()
    {
        work.Dispose();
        GC.SuppressFinalize(this);
    }

    void Install(string folder)
    {
        foreach (string file in Directory.EnumerateFiles(source)) work.WriteBytes(Path.Combine(folder, Path.GetFileName(file)), File.ReadAllBytes(file));
    }

    [Theory]
    [InlineData("pretrained", new string[0])]
    [InlineData("mine", new[] { "--pretrained_dir=mine" })]
    public void In_the_folder_of_pretrained_models(string folder, string[] more)
    {
        Install(Path.Combine(folder, "gpt2"));
        work.Run([.. sample, .. more]).Succeeded();
        string shown = work.Run(["train", "--init_from=gpt2", "--eval_only", "--eval_iters=1", "--batch_size=1", $"--data_dir={pretrained.Work["data/shakespeare"]}", .. more]).Succeeded().Output;
        Assert.Contains($"note: init_from: gpt2 is {Path.Combine(folder, "gpt2")}.", shown);
    }

    [Theory]
    [InlineData("HF_HUB_CACHE", "", "models--openai-community--gpt2")]
    [InlineData("HF_HOME", "hub", "models--openai-community--gpt2")]
    [InlineData("HF_HOME", "hub", "models--gpt2")]
    [InlineData("XDG_CACHE_HOME", "huggingface/hub", "models--gpt2")]
    public void In_the_cache_of_Hugging_Face(string variable, string below, string repository)
    {
        work.Environment["HF_HUB_CACHE"] = "";
        work.Environment["HF_HOME"] = "";
        work.Environment[variable] = work["cache"];
        string folder = Path.Combine("cache", below, repository);
        Install(Path.Combine(folder, "snapshots", "0123abcd"));
        work.Write(Path.Combine(folder, "refs", "main"), "0123abcd");
        work.Run(sample).Succeeded();
        Assert.False(Directory.Exists(work["pretrained"]));
    }

    byte[] Listing(params IEnumerable<string> files) => LocalServer.Answer(200, JsonSerializer.SerializeToUtf8Bytes(
        files.Select(file => new { type = "file", path = file, size = (long)Content(file).Length }).Append(new { type = "file", path = "onnx/config.json", size = 3L })));

    byte[] Content(string file) => File.ReadAllBytes(Path.Combine(source, file));

    [Fact]
    public void Downloaded_and_kept()
    {
        byte[] weights = Content("model.safetensors");
        using var server = new LocalServer(Listing("config.json", "model.safetensors", "tokenizer.json"), LocalServer.Answer(200, Content("config.json")),
            LocalServer.Answer(200, weights, sent: 300_000), LocalServer.Range(weights, 300_000), LocalServer.Answer(200, Content("tokenizer.json")));
        work.Environment["HF_ENDPOINT"] = new Uri(server.Address, "/").ToString();
        var outcome = work.Run(sample).Succeeded();
        Assert.Contains("openai-community/gpt2 has 3 files to read", outcome.Error);
        Assert.Equal(5, server.Requests);
        Assert.Contains("GET /openai-community/gpt2/resolve/main/tokenizer.json ", server.LastRequest);
        Assert.Equal(["config.json", "model.safetensors", "tokenizer.json"], Directory.EnumerateFiles(work["pretrained/gpt2"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(outcome.Output, work.Run(sample).Succeeded().Output);
        Assert.Equal(5, server.Requests);
    }

    [Fact]
    public void A_download_that_breaks_off_leaves_no_half_file_and_says_what_to_do()
    {
        byte[] weights = Content("model.safetensors");
        using var server = new LocalServer(Listing("config.json", "model.safetensors", "tokenizer.json"), LocalServer.Answer(200, Content("config.json")),
            LocalServer.Answer(200, weights, sent: 300_000), LocalServer.Answer(404, []));
        work.Environment["HF_ENDPOINT"] = new Uri(server.Address, "/").ToString();
        string error = work.Run(sample) is { ExitCode: 1 } outcome ? outcome.Error : "";
        Assert.Contains("error: openai-community/gpt2 could not be downloaded: ", error);
        Assert.Contains("answered 404", error);
        Assert.Contains("HF_ENDPOINT", error);
        Assert.Contains("--init_from", error);
        Assert.True(File.Exists(work["pretrained/gpt2/model.safetensors.part"]));
        Assert.False(File.Exists(work["pretrained/gpt2/model.safetensors"]));
    }

    [Fact]
    public void A_bad_key_is_said_before_anything_is_downloaded()
    {
        using var server = new LocalServer(LocalServer.Answer(500, []));
        work.Environment["HF_ENDPOINT"] = new Uri(server.Address, "/").ToString();
        Assert.Contains("learning_rate must not be negative", work.Run("train", "--init_from=gpt2", "--learning_rate=-1").Fault(2));
        Assert.Equal(0, server.Requests);
        work.Environment["HF_ENDPOINT"] = "nowhere";
        Assert.Contains("HF_ENDPOINT='nowhere' is no address", work.Run(sample).Fault(2));
    }
}
