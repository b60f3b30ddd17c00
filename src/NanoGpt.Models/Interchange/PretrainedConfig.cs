using System.Globalization;
using System.Text.Json;

namespace NanoGpt.Models;

/// <summary>
/// What a <c>config.json</c> of Hugging Face, or nanoGPT's <c>model_args</c>, says of a model. What this model cannot do is
/// refused: a weight file that loads computes what it was made for.
/// </summary>
internal static class PretrainedConfig
{
    /// <summary>The largest value of any size: products of two fit comfortably.</summary>
    public const int Largest = 1 << 24;

    /// <summary>Reads a <c>config.json</c>.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="InvalidDataException">It is malformed, or of a model that is not a GPT-2.</exception>
    public static GptConfig Load(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"{path}: there is no such file, and without it nothing says how many heads the model has; put the config.json of the model beside its weights.", path);
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            return Read(json.RootElement.EnumerateObject().DistinctBy(entry => entry.Name).ToDictionary(entry => entry.Name, entry => Plain(entry.Value)), path);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{path}: not a valid config.json: {OneLine.Of(fault.Message.TrimEnd('.'))}.", fault);
        }
    }

    /// <summary>Reads the values of a configuration in either spelling.</summary>
    /// <exception cref="InvalidDataException">A value is missing or not one that this model can have.</exception>
    public static GptConfig Read(IReadOnlyDictionary<string, object?> values, string path)
    {
        if (values.GetValueOrDefault("model_type") is string type and not "gpt2") throw Refused(path, $"it is of a model of type '{type}'; only gpt2 can be loaded");
        bool nanoGpt = values.ContainsKey("block_size");
        var config = new GptConfig(
            BlockSize: Size(nanoGpt ? "block_size" : "n_positions"), VocabSize: Size("vocab_size"), NLayer: Size("n_layer"), NHead: Size("n_head"), NEmbd: Size("n_embd"),
            Dropout: nanoGpt && values.GetValueOrDefault("dropout") is double dropout and >= 0 and < 1 ? dropout : 0,
            Bias: !nanoGpt || values.GetValueOrDefault("bias") is not false,
            Gelu: nanoGpt ? GeluOf(values.GetValueOrDefault("gelu", "gelu")) : GeluOf(values.GetValueOrDefault("activation_function", "gelu_new")));
        if (Fault(config) is { } fault) throw Refused(path, fault);
        Demand("layer_norm_epsilon", value => Number(value) == 1e-5, "1e-05");
        Demand("n_inner", value => value is null || Number(value) == 4.0 * config.NEmbd, "null");
        Demand("scale_attn_weights", value => value is true, "true");
        Demand("scale_attn_by_inverse_layer_idx", value => value is false, "false");
        Demand("add_cross_attention", value => value is false, "false");
        Demand("tie_word_embeddings", value => value is true, "true");
        return config;

        int Size(string name) => values.GetValueOrDefault(name) is long size && size is >= 1 and <= Largest
            ? (int)size : throw Refused(path, $"its {name} is {Show(values.GetValueOrDefault(name))}, not a whole number from 1 to {Largest}");

        GeluForm GeluOf(object? name) => name switch
        {
            "gelu_new" or "gelu_fast" or "gelu_pytorch_tanh" or "tanh" => GeluForm.Tanh,
            "gelu" or "erf" => GeluForm.Erf,
            _ => throw Refused(path, $"its activation_function is {Show(name)}; this model has gelu_new and gelu"),
        };

        void Demand(string name, Predicate<object?> holds, string wanted)
        {
            if (values.TryGetValue(name, out object? value) && !holds(value)) throw Refused(path, $"its {name} is {Show(value)}; this model has {wanted} only");
        }
    }

    /// <summary>What is wrong with the sizes of a model, or null.</summary>
    public static string? Fault(GptConfig config)
    {
        foreach (var (name, size) in ((string, int)[])[("block_size", config.BlockSize), ("vocab_size", config.VocabSize), ("n_layer", config.NLayer), ("n_head", config.NHead), ("n_embd", config.NEmbd)])
            if (size is < 1 or > Largest) return $"its {name} is {size}, not a whole number from 1 to {Largest}";
        return config.NEmbd % config.NHead != 0 ? $"its n_embd ({config.NEmbd}) is not divisible by its n_head ({config.NHead})" : null;
    }

    static InvalidDataException Refused(string path, string what) => new($"{path}: this model cannot be loaded: {OneLine.Of(what)}.");

    static object? Plain(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Null => null,
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number when value.TryGetInt64(out long whole) => whole,
        JsonValueKind.Number => value.GetDouble(),
        _ => value.GetRawText(),
    };

    static double Number(object? value) => value switch { long whole => whole, double real => real, _ => double.NaN };

    static string Show(object? value) => value switch { null => "missing", string text => $"'{text}'", _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "" };
}
