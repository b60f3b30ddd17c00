using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace NanoGpt.Models.Tests;

/// <summary>torch.load reads the ckpt.pt that is written here; on a machine without PyTorch this is skipped.</summary>
public class PyTorchReadsTests
{
    const string Script = """
        import hashlib, sys, torch
        c = torch.load(sys.argv[1], map_location='cpu')
        m = c['model']
        print(sorted(c), c['iter_num'], c['best_val_loss'], c['config'])
        print(c['model_args'])
        print(m['lm_head.weight'].data_ptr() == m['transformer.wte.weight'].data_ptr())
        for name in sorted(m): print(name, list(m[name].shape), hashlib.sha256(m[name].numpy().tobytes()).hexdigest())
        """;

    [Fact]
    public void The_checkpoint_is_a_dictionary_like_nanoGPTs()
    {
        using var model = new RandomWeights(new GptConfig(16, 70, 2, 2, 24, Dropout: 0.25, Bias: false));
        var config = new Dictionary<string, object> { ["dataset"] = "größe", ["learning_rate"] = 1e-3, ["max_iters"] = -3, ["compile"] = true };
        using (var file = File.Create(model["ckpt.pt"])) NanoGptCheckpoint.Write(file, model.Weights, 12, 3.5, config);
        string[] lines = Python(Script, model["ckpt.pt"]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("['best_val_loss', 'config', 'iter_num', 'model', 'model_args'] 12 3.5 {'dataset': 'größe', 'learning_rate': 0.001, 'max_iters': -3, 'compile': True}", lines[0]);
        Assert.Equal("{'n_layer': 2, 'n_head': 2, 'n_embd': 24, 'block_size': 16, 'bias': False, 'vocab_size': 70, 'dropout': 0.25}", lines[1]);
        Assert.Equal("True", lines[2]);
        var values = SmallWeights.Read(model.Weights);
        values.Add("lm_head.weight", values["transformer.wte.weight"]);
        var shapes = new Gpt(model.Weights.Config).Parameters.ToDictionary(p => p.Name, p => p.Shape);
        shapes.Add("lm_head.weight", shapes["transformer.wte.weight"]);
        Assert.Equal(values.Keys.Order(StringComparer.Ordinal).Select(name =>
            $"{name} [{string.Join(", ", Enumerable.Range(0, shapes[name].Rank).Select(i => shapes[name][i]))}] {Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(values[name].AsSpan())))}"), lines[3..]);
    }

    [Fact]
    public void The_characters_are_a_pickle_like_nanoGPTs()
    {
        string path = Path.GetTempFileName();
        try
        {
            using (var file = File.Create(path)) NanoGptMeta.Write(file, ["\n", "a", "é", "😀"]);
            Assert.Equal(@"{'vocab_size': 4, 'itos': {0: '\n', 1: 'a', 2: 'é', 3: '😀'}, 'stoi': {'\n': 0, 'a': 1, 'é': 2, '😀': 3}}" + "\n",
                Python("import pickle, sys\nprint(pickle.load(open(sys.argv[1], 'rb')))", path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>What a Python with PyTorch prints.</summary>
    static string Python(string script, string argument)
    {
        string? python = ((string[])["/usr/bin/python3", "python3"]).FirstOrDefault(name => Run(name, "import torch") is { ExitCode: 0 });
        Assert.SkipWhen(python is null, "There is no Python with PyTorch on this machine.");
        var (exitCode, output, error) = Run(python!, script, argument)!.Value;
        Assert.True(exitCode == 0, error);
        return output;
    }

    static (int ExitCode, string Output, string Error)? Run(string python, string script, params string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo(python, ["-c", script, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = System.Text.Encoding.UTF8 };
            start.Environment["PYTHONIOENCODING"] = "utf-8";
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, error.Result);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;        // there is no such program
        }
    }
}
