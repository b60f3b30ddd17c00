using System.Text.Json;

namespace NanoGpt.Models;

/// <summary>Writes a GPT-2 as Hugging Face's <c>GPT2LMHeadModel</c> loads it: <c>config.json</c> and <c>model.safetensors</c>, matrices as Conv1D (in, out).</summary>
public static class HuggingFaceModel
{
    /// <summary>The names of the two files.</summary>
    public const string ConfigFile = "config.json", WeightsFile = "model.safetensors";

    const int Piece = 1 << 20;
    static readonly JsonWriterOptions layout = new() { Indented = true, NewLine = "\n" };
    static readonly Dictionary<string, string> metadata = new() { ["format"] = "pt" };      // its loader asks for it

    /// <summary>Writes <c>config.json</c>.</summary>
    /// <param name="output">Receives it.</param>
    /// <param name="config">The sizes.</param>
    /// <param name="endOfText">The token between documents, which begins and ends a text; null where there is none.</param>
    public static void WriteConfig(Stream output, GptConfig config, int? endOfText)
    {
        using var json = new Utf8JsonWriter(output, layout);
        json.WriteStartObject();
        json.WriteStartArray("architectures");
        json.WriteStringValue("GPT2LMHeadModel");
        json.WriteEndArray();
        json.WriteString("model_type", "gpt2");
        json.WriteNumber("vocab_size", config.VocabSize);
        json.WriteNumber("n_positions", config.BlockSize);
        json.WriteNumber("n_ctx", config.BlockSize);
        json.WriteNumber("n_embd", config.NEmbd);
        json.WriteNumber("n_layer", config.NLayer);
        json.WriteNumber("n_head", config.NHead);
        json.WriteNull("n_inner");
        json.WriteString("activation_function", config.Gelu == GeluForm.Tanh ? "gelu_new" : "gelu");
        json.WriteNumber("layer_norm_epsilon", 1e-5);
        foreach (string dropout in (string[])["resid_pdrop", "embd_pdrop", "attn_pdrop"]) json.WriteNumber(dropout, config.Dropout);
        json.WriteNumber("initializer_range", 0.02);
        json.WriteBoolean("scale_attn_weights", true);
        json.WriteBoolean("scale_attn_by_inverse_layer_idx", false);
        json.WriteBoolean("reorder_and_upcast_attn", false);
        json.WriteBoolean("tie_word_embeddings", true);
        json.WriteBoolean("use_cache", true);
        json.WriteString("torch_dtype", "float32");
        WriteMarks(json, endOfText, whereNone: true);
        json.WriteEndObject();
    }

    /// <summary>Writes <c>generation_config.json</c>: where a text begins and ends.</summary>
    public static void WriteGenerationConfig(Stream output, int? endOfText)
    {
        using var json = new Utf8JsonWriter(output, layout);
        json.WriteStartObject();
        json.WriteBoolean("_from_model_config", true);
        WriteMarks(json, endOfText, whereNone: false);
        json.WriteEndObject();
    }

    /// <summary>Writes <c>model.safetensors</c>. The head is the token embedding and not written again.</summary>
    /// <param name="output">Receives it; need not be seekable.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="progress">Told how many values are written.</param>
    public static void WriteWeights(Stream output, PortableWeights weights, Action<long>? progress = null)
    {
        var tensors = weights.Tensors.Select(tensor => GptTensors.MatrixName().IsMatch(tensor.Name) ? GptTensors.Transpose(tensor) : tensor).ToList();
        var writer = new SafetensorsWriter(output, metadata);
        foreach (var tensor in tensors) writer.Declare(tensor.Name, [.. tensor.Shape]);
        var buffer = new float[Piece];
        long done = 0;
        foreach (var tensor in tensors)
            tensor.ReadAll(buffer, part =>
            {
                writer.Write(tensor.Name, part);
                progress?.Invoke(done += part.Length);
            });
        writer.Complete();
    }

    static void WriteMarks(Utf8JsonWriter json, int? endOfText, bool whereNone)
    {
        foreach (string mark in (string[])["bos_token_id", "eos_token_id"])
        {
            if (endOfText is { } id) json.WriteNumber(mark, id);
            else if (whereNone) json.WriteNull(mark);       // left out, it would be GPT-2's
        }
    }
}
