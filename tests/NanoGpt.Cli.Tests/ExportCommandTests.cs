using System.Text.Json;

namespace NanoGpt.Cli.Tests;

public class ExportCommandTests(TrainedWorkplace trained) : IClassFixture<TrainedWorkplace>
{
    readonly Workplace work = trained.Work;

    Outcome Export(params IReadOnlyList<string> more) => work.Run(["export", "--out_dir=out", "--threads=1", .. more]);

    /// <summary>What is written reads back: a run that starts from it has the losses of the run it came from, to the last digit.</summary>
    [Theory]
    [InlineData("hf", "round-hf")]
    [InlineData("gguf", "round.gguf")]
    [InlineData("nanogpt", "round-nanogpt")]
    public void Every_form_reads_back_with_the_same_losses(string format, string to)
    {
        string output = Export($"--format={format}", $"--to={to}", "--checkpoint=last").Succeeded().Output;
        Assert.Contains($"exported    {to}", output);
        Assert.Equal(Losses("--init_from=resume", "--out_dir=out"), Losses($"--init_from={to}", "--out_dir=none"));
    }

    /// <summary>An export can be written with: it writes what the run writes.</summary>
    [Theory]
    [InlineData("hf", "written-hf")]
    [InlineData("gguf", "written.gguf")]
    [InlineData("nanogpt", "written-nanogpt")]
    public void Every_form_writes_the_same_text(string format, string to)
    {
        string[] sample = ["sample", "--threads=1", "--num_samples=1", "--max_new_tokens=14", "--start=12", "--temperature=0"];
        Export($"--format={format}", $"--to={to}", "--checkpoint=last").Succeeded();
        string expected = work.Run([.. sample, "--out_dir=out", "--checkpoint=last"]).Succeeded().Output;
        Assert.Equal(expected, work.Run([.. sample, $"--init_from={to}", "--data_dir=data/text_char"]).Succeeded().Output);
        Assert.Equal(expected, work.Run([.. sample, $"--init_from={to}"]).Succeeded().Output);        // its tokenizer lies within or beside
    }

    [Fact]
    public void Pretrained_weights_go_from_one_form_to_another()
    {
        Export("--format=hf", "--to=first", "--checkpoint=last").Succeeded();
        Assert.Contains("name with --to", Export("--init_from=first", "--format=gguf").Fault(2));
        Export("--init_from=first", "--format=gguf", "--to=second/model.gguf").Succeeded();
        Export("--init_from=second/model.gguf", "--format=nanogpt", "--to=third").Succeeded();
        Export("--init_from=third", "--format=hf", "--to=fourth").Succeeded();
        foreach (string name in (string[])["model.safetensors", "tokenizer.json"]) Assert.Equal(File.ReadAllBytes(work[$"first/{name}"]), File.ReadAllBytes(work[$"fourth/{name}"]));
        File.Delete(work["third/meta.pkl"]);
        Assert.Contains("Nothing says what the tokens of third/ckpt.pt mean", Export("--init_from=third", "--format=hf", "--to=fifth").Fault(1));
        Assert.False(Directory.Exists(work["fifth"]));
    }

    string Losses(params IReadOnlyList<string> more)
    {
        string output = work.Run(["train", .. Workplace.Tiny, .. more, "--eval_only=True", "--eval_iters=20"]).Succeeded().Output;
        string line = output.Split('\n').First(line => line.StartsWith("step ", StringComparison.Ordinal));
        return line[(line.IndexOf(':') + 1)..];
    }

    [Fact]
    public void A_file_for_llama_cpp_says_what_differs_and_halves_and_quarters_in_size()
    {
        var outcome = Export("--format=gguf", "--to=a.gguf").Succeeded();
        Assert.Matches(@"note: llama\.cpp computes GELU in its tanh form, this model was trained with the exact one: over \d+ tokens that it wrote, its loss changes by \S+, no logit by more than 0\.0\d+\.", outcome.Error);
        Export("--format=gguf", "--dtype=f16", "--to=b.gguf").Succeeded();
        Assert.InRange(new FileInfo(work["b.gguf"]).Length, new FileInfo(work["a.gguf"]).Length / 3, new FileInfo(work["a.gguf"]).Length * 4 / 5);
        Export("--format=gguf", "--dtype=q8_0").Succeeded();
        Assert.True(File.Exists(work["out/model-q8_0.gguf"]));
    }

    [Fact]
    public void A_folder_for_Hugging_Face_has_the_characters_as_its_tokenizer()
    {
        Export("--format=hf").Succeeded();
        string folder = work["out/hf"];
        Assert.Equal(["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"], Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")));
        using var tokenizer = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "tokenizer.json")));
        using var meta = JsonDocument.Parse(File.ReadAllBytes(work["out/meta.json"]));
        Assert.Equal("gelu", config.RootElement.GetProperty("activation_function").GetString());
        Assert.Equal(JsonValueKind.Null, config.RootElement.GetProperty("eos_token_id").ValueKind);
        var model = tokenizer.RootElement.GetProperty("model");
        Assert.Equal("WordLevel", model.GetProperty("type").GetString());
        Assert.Equal(meta.RootElement.GetProperty("vocab_size").GetInt32(), config.RootElement.GetProperty("vocab_size").GetInt32());
        Assert.Equal(config.RootElement.GetProperty("vocab_size").GetInt32(), model.GetProperty("vocab").EnumerateObject().Count());
        Assert.Equal(0, model.GetProperty("vocab").GetProperty("\n").GetInt32());
    }

    [Fact]
    public void What_is_there_stays_unless_it_is_to_be_replaced()
    {
        work.Write("mine.gguf", "mine");
        work.Write("folder/mine.txt", "mine");
        work.Write("folder/config.json", "mine");
        Assert.Contains("'mine.gguf' is there already; name another place with --to, or replace it with --overwrite.", Export("--format=gguf", "--to=mine.gguf").Fault(1));
        Assert.Contains("'folder' is there already", Export("--format=hf", "--to=folder").Fault(1));
        Assert.Contains("'folder' is a folder; name the file to write with --to.", Export("--format=gguf", "--to=folder", "--overwrite").Fault(1));
        Assert.Contains("'mine.gguf' is a file; name the folder to write with --to.", Export("--format=hf", "--to=mine.gguf", "--overwrite").Fault(1));
        Assert.Contains("'out' is the folder of a run", Export("--format=hf", "--to=out", "--overwrite").Fault(1));
        Assert.Equal("mine", File.ReadAllText(work["mine.gguf"]));
        Assert.Equal("mine", File.ReadAllText(work["folder/config.json"]));

        Export("--format=gguf", "--to=mine.gguf", "--overwrite").Succeeded();
        Export("--format=hf", "--to=folder/", "--overwrite").Succeeded();
        Assert.NotEqual(4, new FileInfo(work["mine.gguf"]).Length);
        Assert.StartsWith("{", File.ReadAllText(work["folder/config.json"]));
        Assert.Equal("mine", File.ReadAllText(work["folder/mine.txt"]));
        Assert.Empty(Directory.EnumerateFileSystemEntries(work.Root, "*.unfinished", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData(2, "format is 'onnx', but must be hf, gguf or nanogpt.", "--format=onnx")]
    [InlineData(2, "'--format' is required")]
    [InlineData(2, "dtype is 'q4_0', but must be f32, f16 or q8_0.", "--format=gguf", "--dtype=q4_0")]
    [InlineData(2, "dtype is 'f16', but must be f32 for hf", "--format=hf", "--dtype=f16")]
    [InlineData(1, "There is no trained model in 'nowhere'", "--format=hf", "--out_dir=nowhere")]
    [InlineData(1, "there is no checkpoint of this name", "--format=hf", "--checkpoint=step-00000007")]
    [InlineData(2, "'--to'", "--format=hf", "--to=")]
    [InlineData(2, "did you mean '--to'", "--format=hf", "--too=x")]
    public void A_bad_request_is_one_sentence_and_leaves_nothing(int exitCode, string expected, params string[] arguments)
    {
        string[] before = [.. Directory.EnumerateFileSystemEntries(work.Root).Order(StringComparer.Ordinal)];
        Assert.Contains(expected, Export(arguments).Fault(exitCode), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(before, Directory.EnumerateFileSystemEntries(work.Root).Order(StringComparer.Ordinal));
    }
}
