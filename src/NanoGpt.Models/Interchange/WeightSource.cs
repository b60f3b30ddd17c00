using System.Buffers.Binary;
using System.Text.Json;

namespace NanoGpt.Models;

/// <summary>An opened weight file: its tensors under its own names, and the model it says they are of.</summary>
/// <param name="Path">The file.</param>
/// <param name="Format">What kind of file it is.</param>
/// <param name="Config">The sizes of the model.</param>
/// <param name="Tensors">The tensors.</param>
/// <param name="Files">What is open.</param>
internal sealed record WeightSource(string Path, string Format, GptConfig Config, IReadOnlyList<StoredTensor> Tensors, IReadOnlyList<IDisposable> Files) : IDisposable
{
    /// <summary>The data set that it says it was trained on; null where it does not.</summary>
    public string? Dataset { get; init; }

    /// <summary>Reads what it says of its tokens; null where files of its kind do not.</summary>
    public Func<GgufVocabulary?>? ReadVocabulary { get; init; }

    const string Index = "model.safetensors.index.json";

    /// <summary>The names looked for in a folder, in this order.</summary>
    static readonly string[] known = ["model.safetensors", Index, "pytorch_model.bin", "ckpt.pt"];

    /// <summary>Whether a folder holds one of the known names.</summary>
    public static bool IsIn(string folder) => known.Any(name => File.Exists(System.IO.Path.Combine(folder, name)));

    /// <summary>Opens a file, whose kind its first bytes tell, or the first of the known names in a folder.</summary>
    public static WeightSource Open(string path)
    {
        if (Directory.Exists(path))
        {
            path = known.Select(name => System.IO.Path.Combine(path, name)).FirstOrDefault(File.Exists)
                ?? throw new FileNotFoundException($"{path}: the folder holds no weights that can be loaded; looked for {string.Join(", ", known)}.");
        }
        if (path.EndsWith(".index.json", StringComparison.Ordinal)) return OpenShards(path);
        byte[] start = Start(path);
        if (start.AsSpan().StartsWith("GGUF"u8) || path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)) return OpenGguf(path);
        if (start.AsSpan().StartsWith("PK"u8)) return OpenTorch(path);
        if (start.Length == 8 && BinaryPrimitives.ReadInt32LittleEndian(start) == LlmcFile.Magic) return OpenLlmc(path);
        if (start is [0x80, ..] && BinaryPrimitives.ReadUInt64LittleEndian(start) > SafetensorsHeader.MaxBytes)
            throw new InvalidDataException($"{path}: this file is in the form of PyTorch before 1.6; load it with torch.load and save it with torch.save, or take model.safetensors.");
        SafetensorsFile.Open(path).Dispose();       // what is no such file should not be told that its config is missing
        return OpenSafetensors(path, PretrainedConfig.Load(ConfigBeside(path)));
    }

    public static WeightSource OpenSafetensors(string path, GptConfig config)
    {
        var file = SafetensorsFile.Open(path);
        return new(path, "safetensors", config, [.. TensorsOf(file)], [file]);
    }

    /// <summary>Several safetensors files and an index that says which tensor is in which.</summary>
    static WeightSource OpenShards(string path)
    {
        var config = PretrainedConfig.Load(ConfigBeside(path));
        var files = new Dictionary<string, SafetensorsFile>();
        try
        {
            var tensors = new List<StoredTensor>();
            foreach (var (name, shard) in ReadIndex(path))
            {
                if (shard != System.IO.Path.GetFileName(shard)) throw new InvalidDataException($"{path}: it names the file '{OneLine.Of(shard)}', which is not in its folder.");
                if (!files.TryGetValue(shard, out var file))
                    files.Add(shard, file = SafetensorsFile.Open(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(path) ?? "", shard)));
                tensors.Add(Tensor(file, file[name]));
            }
            return new(path, $"safetensors in {files.Count} files", config, tensors, [.. files.Values]);
        }
        catch
        {
            foreach (var file in files.Values) file.Dispose();
            throw;
        }
    }

    static List<(string Name, string Shard)> ReadIndex(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            return [.. json.RootElement.GetProperty("weight_map").EnumerateObject().Select(entry => (entry.Name, entry.Value.GetString() ?? ""))];
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new InvalidDataException($"{path}: not a valid index of safetensors files: {OneLine.Of(fault.Message.TrimEnd('.'))}.", fault);
        }
    }

    /// <summary>nanoGPT's checkpoint says of what model it is; a bare dictionary of weights has its <c>config.json</c> beside.</summary>
    static WeightSource OpenTorch(string path)
    {
        var file = new TorchFile(path);
        try
        {
            if (file.Value is not IReadOnlyDictionary<object, object?> root) throw new InvalidDataException($"{path}: it holds no dictionary of weights.");
            if (root.GetValueOrDefault("model") is IReadOnlyDictionary<object, object?> model && root.GetValueOrDefault("model_args") is IReadOnlyDictionary<object, object?> arguments)
            {
                var values = arguments.Where(entry => entry.Key is string).ToDictionary(entry => (string)entry.Key, entry => entry.Value);
                string? dataset = root.GetValueOrDefault("config") is IReadOnlyDictionary<object, object?> config ? config.GetValueOrDefault("dataset") as string : null;
                return new(path, "nanoGPT ckpt.pt", PretrainedConfig.Read(values, path), file.Tensors(model), [file]) { Dataset = dataset };
            }
            return new(path, "PyTorch", PretrainedConfig.Load(ConfigBeside(path)), file.Tensors(root), [file]);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    static WeightSource OpenLlmc(string path)
    {
        var file = new LlmcFile(path);
        return new(path, "llm.c", file.Config, file.Tensors, [file]);
    }

    static WeightSource OpenGguf(string path)
    {
        var file = new GgufFile(path);
        return new(path, "GGUF", file.Config, file.Tensors, [file]) { ReadVocabulary = file.ReadVocabulary };
    }

    static IEnumerable<StoredTensor> TensorsOf(SafetensorsFile file) => file.Tensors.Select(entry => Tensor(file, entry));

    static StoredTensor Tensor(SafetensorsFile file, SafetensorsEntry entry) =>
        new(entry.Name, entry.Shape, (destination, start) => file.ReadFloat32(entry.Name, destination, start));

    static string ConfigBeside(string path) => System.IO.Path.Combine(System.IO.Path.GetDirectoryName(path) ?? "", "config.json");

    static byte[] Start(string path)
    {
        using var file = new FileBytes(path);
        if (file.Length < 8) throw new InvalidDataException($"{path}: the file has {file.Length} bytes, too few to hold weights.");
        return file.ReadBytes(0, 8);
    }

    public void Dispose()
    {
        foreach (var file in Files) file.Dispose();
    }
}
