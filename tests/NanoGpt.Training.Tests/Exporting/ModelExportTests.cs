using System.Text.Json;
using NanoGpt.Data;
using NanoGpt.Models;
using NanoGpt.Tensors;
using NanoGpt.Tensors.Cpu;

namespace NanoGpt.Training.Tests;

/// <summary>Exports appear whole or not at all, whatever the disk does.</summary>
public sealed class ModelExportTests : IDisposable
{
    static readonly JsonSerializerOptions snakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>A run of a model without biases whose vocabulary of 64 is padded.</summary>
    string Run(int characters = 60, string name = "run", ulong seed = 3)
    {
        var config = new GptConfig(8, 64, 1, 2, 32, Bias: false, Gelu: GeluForm.Tanh);
        string[] vocabulary = [.. Enumerable.Range(0, characters).Select(i => ((char)('0' + i)).ToString())];
        var meta = new DatasetMeta
        {
            FormatVersion = DatasetMeta.CurrentVersion, Dataset = "text_char", Tokenizer = "char", VocabSize = characters, TokenizerSha256 = new CharTokenizer(vocabulary).Hash,
            TrainTokens = 1, ValTokens = 1, Vocabulary = vocabulary, Sources = [],
        };
        string outDir = folder.File(name);
        Directory.CreateDirectory(outDir);
        File.WriteAllText(Path.Combine(outDir, DatasetMeta.FileName), JsonSerializer.Serialize(meta, snakeCase));
        using var device = CpuDevice.Create(1);
        var model = new Gpt(config);
        using var store = new ParameterStore(device, model.Parameters, gradients: false);
        store.Initialize(seed);
        var state = new CheckpointState { IterNum = 5, BestValLoss = 2, Config = new TrainConfig(), Model = config, DataIdentity = "x" };
        new CheckpointStore(outDir).Save(state, writer => WeightFiles.Write(writer, device, store.Parameters.Select(p => (p.Name, p.Shape, p.Data))), _ => { }, best: true);
        return outDir;
    }

    public static TheoryData<string> Formats => ["hf", "gguf", "nanogpt"];

    static IReadOnlyList<string> Export(ModelExport export, string format, string to, bool overwrite = false) => format switch
    {
        "hf" => export.ToHuggingFace(to, overwrite),
        "gguf" => export.ToGguf(to, GgufPrecision.F32, overwrite),
        _ => export.ToNanoGpt(to, overwrite),
    };

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_full_disk_is_one_sentence_and_nothing_is_left(string format)
    {
        using var export = new ModelExport(StoredModel.OfRun(Run(), null, null), threads: 1);
        export.Disk = new FullDisk(20_000);
        var fault = Assert.Throws<IOException>(() => Export(export, format, folder.File("new")));
        Assert.Matches("^'.*new' cannot be written: No space left on device.*; make room or name another place with --to\\.$", fault.Message);
        Assert.Equal(["run"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_full_disk_leaves_the_former_export_as_it_was(string format)
    {
        using var export = new ModelExport(StoredModel.OfRun(Run(), null, null), threads: 1);
        Export(export, format, folder.File("new"));
        var before = Content();
        export.Disk = new FullDisk(20_000);
        Assert.Throws<IOException>(() => Export(export, format, folder.File("new"), overwrite: true));
        Assert.Equal(before, Content());

        Dictionary<string, string> Content() => Directory.EnumerateFiles(folder.Path, "*", SearchOption.AllDirectories).ToDictionary(path => path, path => Convert.ToHexString(File.ReadAllBytes(path)));
    }

    /// <summary>Whoever looks finds all of the former export, nothing, or all of the new one; and the next export puts everything in order, with what is not of the format where it was.</summary>
    [Theory]
    [InlineData("hf")]
    [InlineData("nanogpt")]
    public void A_crash_at_any_instant_of_replacing_a_folder_leaves_no_mixture(string format)
    {
        using var first = new ModelExport(StoredModel.OfRun(Run(), null, null), threads: 1);
        using var second = new ModelExport(StoredModel.OfRun(Run(name: "other", seed: 4), null, null), threads: 1);
        Export(first, format, folder.File("first"));
        Export(second, format, folder.File("second"));
        File.WriteAllText(folder.File(format == "hf" ? "first/merges.txt" : "first/meta.pkl"), "which the new one does not have, or has another");
        File.WriteAllText(folder.File("first/mine.txt"), "mine");
        Directory.CreateDirectory(folder.File("first/mine"));
        File.WriteAllText(folder.File("first/mine/too.txt"), "mine, too");
        var (former, @new) = (OfTheFormat(folder.File("first")), OfTheFormat(folder.File("second")));
        Assert.NotEqual(former, @new);

        int before = 0, between = 0, after = 0;
        bool crashed = true;
        for (int instant = 0; crashed; instant++)
        {
            string place = folder.File($"place-{instant}"), to = Path.Combine(place, "model");
            CopyFolder(folder.File("first"), to);
            var disk = new CrashingDisk(instant);
            second.Disk = disk;
            try
            {
                Export(second, format, to, overwrite: true);
            }
            catch (CrashingDisk.Crash)
            {
                // The machine has stopped; what follows is the next start.
            }
            crashed = disk.Crashed;
            if (!Directory.Exists(to)) between++;
            else if (OfTheFormat(to).SequenceEqual(former)) before++;
            else
            {
                Assert.Equal(@new, OfTheFormat(to));
                after++;
            }

            second.Disk = new DurableDisk();
            if (Directory.Exists(Path.Combine(place, ".model.former")) && !Directory.Exists(to))
            {
                Assert.Contains("is there already", Assert.Throws<IOException>(() => Export(second, format, to)).Message);
                Assert.Equal(former, OfTheFormat(to));
            }
            Export(second, format, to, overwrite: true);
            Assert.Equal(@new, OfTheFormat(to));
            Assert.Equal(("mine", "mine, too"), (File.ReadAllText(Path.Combine(to, "mine.txt")), File.ReadAllText(Path.Combine(to, "mine", "too.txt"))));
            Assert.Equal(["model"], Directory.EnumerateFileSystemEntries(place).Select(Path.GetFileName));
        }
        Assert.True(before > 10 && between == 1 && after > 4, $"{before} before, {between} between, {after} after");

        static string[] OfTheFormat(string folder) => [.. Directory.EnumerateFiles(folder).Where(path => Path.GetFileName(path) != "mine.txt").Order(StringComparer.Ordinal)
            .Select(path => $"{Path.GetFileName(path)} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path)))}")];
    }

    static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        foreach (string inner in Directory.EnumerateDirectories(from)) CopyFolder(inner, Path.Combine(to, Path.GetFileName(inner)));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Equal_weights_give_equal_files(string format)
    {
        using var export = new ModelExport(StoredModel.OfRun(Run(), null, null), threads: 1);
        string[][] made = [.. ((string[])["one", "two"]).Select(name =>
        {
            Export(export, format, folder.File($"{name}/model"));
            return (string[])[.. Directory.EnumerateFiles(folder.File(name), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        })];
        Assert.Equal(made[0].Select(Path.GetFileName), made[1].Select(Path.GetFileName));
        Assert.All(made[0].Zip(made[1]), pair => Assert.Equal(File.ReadAllBytes(pair.First), File.ReadAllBytes(pair.Second)));
    }

    [Fact]
    public void What_differs_elsewhere_is_said()
    {
        using var export = new ModelExport(StoredModel.OfRun(Run(), null, null), threads: 1);
        Assert.Equal(["4 rows that only pad the vocabulary are left out: it has the tokenizer's 60 tokens.", "the model has no biases; they are written as zeros."], export.ToHuggingFace(folder.File("hf")));
        Assert.Equal("4 rows that only pad the vocabulary are left out: it has the tokenizer's 60 tokens.", export.ToGguf(folder.File("model.gguf"), GgufPrecision.F32)[0]);
        Assert.Matches(@"^nanoGPT computes the exact GELU, this model was trained with the tanh form: over 8 tokens that it wrote, its loss changes by \S+, no logit by more than \d\.\d{4}\.$", Assert.Single(export.ToNanoGpt(folder.File("nanogpt"))));
        using var hf = PretrainedWeights.Open(folder.File("hf"));
        using var nanoGpt = PretrainedWeights.Open(folder.File("nanogpt"));
        using var gguf = PretrainedWeights.Open(folder.File("model.gguf"));
        Assert.Equal(60, gguf.Config.VocabSize);
        Assert.Equal((60, true, GeluForm.Tanh), (hf.Config.VocabSize, hf.Config.Bias, hf.Config.Gelu));
        Assert.Equal((64, false), (nanoGpt.Config.VocabSize, nanoGpt.Config.Bias));
    }

    [Fact]
    public void A_tokenizer_of_ones_own_is_there_in_every_form_it_has()
    {
        string tokenizer = folder.File("tokenizer");
        using var weights = PretrainedWeights.Open(Path.Combine(new CheckpointStore(Run()).Load("last").Directory, "model.safetensors"), new GptConfig(8, 64, 1, 2, 32, Bias: false));
        File.WriteAllText(folder.File("corpus.txt"), string.Concat(Enumerable.Range(0, 300).Select(i => $"the {i} the then ")));
        foreach (var (split, expected) in new (SplitPattern, string[])[] { (SplitPattern.Gpt2, ["merges.txt", "tokenizer.json", "vocab.json"]), (SplitPattern.Gpt4, ["tokenizer.json"]) })
        {
            var bpe = BpeCorpus.Train([folder.File("corpus.txt")], "text", split, 264, null, TestContext.Current.CancellationToken).Tokenizer;
            Directory.CreateDirectory(tokenizer);
            HuggingFaceFolder.Write(tokenizer, new PortableWeights(weights, 64), bpe, new DurableDisk(), null);
            Assert.Equal(expected, Directory.EnumerateFiles(tokenizer).Select(path => Path.GetFileName(path)).Intersect(["merges.txt", "tokenizer.json", "vocab.json"]).Order(StringComparer.Ordinal));
            Assert.Equal(bpe.Hash, Tokenizers.Open(tokenizer).Hash);
            Directory.Delete(tokenizer, recursive: true);
        }
    }
}
