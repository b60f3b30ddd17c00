using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

using NanoGpt.Models;

namespace NanoGpt.Training;

/// <summary>
/// The bytes of <c>state.json</c>. Its last entry is the SHA-256 of all bytes before it, and all bytes after that are fixed,
/// so no bit of the file can change unnoticed; the entry <c>files</c> does the same for the tensor files.
/// </summary>
internal static class StateFile
{
    public const string Name = "state.json";
    const int Format = 1;
    const string BeforeSum = ",\n  \"sha256\": \"", AfterSum = "\"\n}\n";

    static readonly JsonWriterOptions Indented = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Write(CheckpointState state, IReadOnlyDictionary<string, FileSum> files)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, Indented))
            WriteObject(json, state, files);
        stream.SetLength(stream.Length - "\n}".Length);
        string sum = Convert.ToHexStringLower(SHA256.HashData(stream.ToArray()));
        stream.Write(Encoding.ASCII.GetBytes(BeforeSum + sum + AfterSum));
        return stream.ToArray();
    }

    /// <summary>Checks the bytes of a state file and returns what they say, and their checksum.</summary>
    /// <exception cref="InvalidDataException">The file was changed, cut short or written by a newer version.</exception>
    public static (CheckpointState State, Dictionary<string, FileSum> Files) Read(string path, ReadOnlySpan<byte> bytes)
    {
        int body = bytes.Length - BeforeSum.Length - SHA256.HashSizeInBytes * 2 - AfterSum.Length;
        if (body < 0 || !bytes[body..].SequenceEqual(Encoding.ASCII.GetBytes(BeforeSum + Convert.ToHexStringLower(SHA256.HashData(bytes[..body])) + AfterSum)))
            throw new InvalidDataException($"{path}: the file is damaged or cut short, its checksum is not the one it was saved with");
        try
        {
            using var document = JsonDocument.Parse(bytes.ToArray());
            return ReadObject(path, document.RootElement);
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"{path}: the file is not the state of a checkpoint: {fault.Message}", fault);
        }
    }

    static void WriteObject(Utf8JsonWriter json, CheckpointState state, IReadOnlyDictionary<string, FileSum> files)
    {
        json.WriteStartObject();
        json.WriteNumber("format", Format);
        json.WriteString("version", state.Version);
        json.WriteNumber("iter_num", state.IterNum);
        if (double.IsFinite(state.BestValLoss))
            json.WriteNumber("best_val_loss", state.BestValLoss);
        else
            json.WriteNull("best_val_loss");
        json.WriteString("data_identity", state.DataIdentity);
        WriteNumbers(json, "recent_losses", state.RecentLosses);
        WriteNumbers(json, "recent_norms", state.RecentNorms);
        json.WriteStartObject("model_args");
        json.WriteNumber("n_layer", state.Model.NLayer);
        json.WriteNumber("n_head", state.Model.NHead);
        json.WriteNumber("n_embd", state.Model.NEmbd);
        json.WriteNumber("block_size", state.Model.BlockSize);
        json.WriteNumber("vocab_size", state.Model.VocabSize);
        json.WriteBoolean("bias", state.Model.Bias);
        json.WriteNumber("dropout", state.Model.Dropout);
        json.WriteString("gelu", state.Model.Gelu == GeluForm.Tanh ? "tanh" : "erf");
        json.WriteEndObject();
        json.WritePropertyName("config");
        state.Config.WriteTo(json);
        json.WriteStartObject("files");
        foreach (var (name, sum) in files.OrderBy(file => file.Key, StringComparer.Ordinal))
        {
            json.WriteStartObject(name);
            json.WriteNumber("bytes", sum.Bytes);
            json.WriteString("sha256", sum.Sha256);
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }

    static void WriteNumbers(Utf8JsonWriter json, string name, IReadOnlyList<double> numbers)
    {
        if (numbers.Count == 0) return;
        json.WriteStartArray(name);
        foreach (double number in numbers) json.WriteNumberValue(number);
        json.WriteEndArray();
    }

    static double[] ReadNumbers(JsonElement json, string name) =>
        json.TryGetProperty(name, out var numbers) ? [.. numbers.EnumerateArray().Select(number => number.GetDouble())] : [];

    static (CheckpointState, Dictionary<string, FileSum>) ReadObject(string path, JsonElement json)
    {
        if (json.GetProperty("format").GetInt32() is var format and not Format)
            throw new InvalidDataException($"{path}: the checkpoint has format {format}, this version reads format {Format}; use the version that wrote it, {json.GetProperty("version").GetString()}");
        var model = json.GetProperty("model_args");
        var state = new CheckpointState
        {
            Version = json.GetProperty("version").GetString()!,
            IterNum = json.GetProperty("iter_num").GetInt32(),
            BestValLoss = json.GetProperty("best_val_loss") is { ValueKind: JsonValueKind.Number } loss ? loss.GetDouble() : double.PositiveInfinity,
            DataIdentity = json.GetProperty("data_identity").GetString()!,
            RecentLosses = ReadNumbers(json, "recent_losses"),
            RecentNorms = ReadNumbers(json, "recent_norms"),
            Model = new GptConfig(
                BlockSize: model.GetProperty("block_size").GetInt32(),
                VocabSize: model.GetProperty("vocab_size").GetInt32(),
                NLayer: model.GetProperty("n_layer").GetInt32(),
                NHead: model.GetProperty("n_head").GetInt32(),
                NEmbd: model.GetProperty("n_embd").GetInt32(),
                Dropout: model.GetProperty("dropout").GetDouble(),
                Bias: model.GetProperty("bias").GetBoolean(),
                Gelu: model.GetProperty("gelu").GetString() switch
                {
                    "erf" => GeluForm.Erf,
                    "tanh" => GeluForm.Tanh,
                    var other => throw new InvalidDataException($"{path}: the model's gelu is '{other}', this version knows erf and tanh"),
                }),
            Config = TrainConfig.FromJson(json.GetProperty("config").GetRawText(), path),
        };
        var files = json.GetProperty("files").EnumerateObject().ToDictionary(
            file => file.Name,
            file => new FileSum(file.Value.GetProperty("bytes").GetInt64(), file.Value.GetProperty("sha256").GetString()!));
        return (state, files);
    }
}
