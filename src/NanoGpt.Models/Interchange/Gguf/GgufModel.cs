using System.Runtime.InteropServices;
using System.Text;

namespace NanoGpt.Models;

/// <summary>The number formats in which a GGUF file can be written.</summary>
public enum GgufPrecision
{
    /// <summary>fp32 throughout.</summary>
    F32,

    /// <summary>Matrices in binary16.</summary>
    F16,

    /// <summary>Matrices in blocks of 32 bytes with a scale, or in binary16 where their rows are no multiple of 32.</summary>
    Q8,
}

/// <summary>
/// Writes a GPT-2 as a GGUF file (version 3) that llama.cpp runs, as its convert_hf_to_gguf writes it: vectors and the position table
/// stay fp32, and the head is the token embedding once more.
/// </summary>
/// <remarks>https://github.com/ggml-org/ggml/blob/master/docs/gguf.md</remarks>
public static class GgufModel
{
    const int Alignment = 32, Piece = 1 << 18;

    sealed record Entry(string Name, StoredTensor Tensor, GgufTensorType Type)
    {
        public long Bytes => Type.BytesOf(Tensor.Count);
    }

    /// <summary>Writes a file.</summary>
    /// <param name="output">Receives it; need not be seekable.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="precision">The format of its matrices.</param>
    /// <param name="name">What the model is called.</param>
    /// <param name="tokenizer">The entries that describe its tokenizer.</param>
    /// <param name="progress">Told how many values are written.</param>
    /// <exception cref="InvalidDataException">A weight is too large for binary16.</exception>
    public static void Write(Stream output, PortableWeights weights, GgufPrecision precision, string name, GgufMetadata tokenizer, Action<long>? progress = null)
    {
        List<Entry> entries = [.. weights.Tensors.Select(tensor => new Entry(GgufNames.FromNanoGpt(tensor.Name), tensor, TypeOf(tensor, precision)))];
        entries.Add(entries.First(entry => entry.Tensor.Name == "transformer.wte.weight") with { Name = GgufNames.Head });
        var head = Head(weights.Config, precision, name, tokenizer, entries);
        Pad(head, head.Length);
        head.WriteTo(output);
        long done = 0;
        var values = new float[Piece];
        var bytes = new byte[Piece * sizeof(float)];
        foreach (var entry in entries)
        {
            entry.Tensor.ReadAll(values, part =>
            {
                output.Write(Encode(entry, part, bytes));
                progress?.Invoke(done += part.Length);
            });
            Pad(output, entry.Bytes);
        }
    }

    static MemoryStream Head(GptConfig config, GgufPrecision precision, string name, GgufMetadata tokenizer, List<Entry> entries)
    {
        var metadata = new GgufMetadata();
        metadata.Add(GgufNames.Architecture, "gpt2");
        metadata.Add("general.type", "model");
        metadata.Add("general.name", name);
        metadata.Add(GgufNames.Layers, config.NLayer);
        metadata.Add(GgufNames.Context, config.BlockSize);
        metadata.Add(GgufNames.Width, config.NEmbd);
        metadata.Add(GgufNames.FeedForward, 4 * config.NEmbd);
        metadata.Add(GgufNames.Heads, config.NHead);
        metadata.Add(GgufNames.Epsilon, 1e-5f);
        metadata.Add("general.file_type", precision switch { GgufPrecision.F32 => 0, GgufPrecision.F16 => 1, _ => 7 });
        metadata.Add("general.quantization_version", 2);
        metadata.Add(GgufNames.Gelu, config.Gelu == GeluForm.Erf ? "erf" : "tanh");

        var head = new MemoryStream();
        using var writer = new BinaryWriter(head, Encoding.UTF8, leaveOpen: true);
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write((ulong)entries.Count);
        writer.Write((ulong)(metadata.Count + tokenizer.Count));
        writer.Write(metadata.Bytes);
        writer.Write(tokenizer.Bytes);
        long offset = 0;
        foreach (var entry in entries)
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(entry.Name);
            writer.Write((ulong)utf8.Length);
            writer.Write(utf8);
            writer.Write(entry.Tensor.Shape.Count);
            foreach (long size in entry.Tensor.Shape.Reverse()) writer.Write(size);
            writer.Write((uint)entry.Type);
            writer.Write(offset);
            offset += (entry.Bytes + Alignment - 1) / Alignment * Alignment;
        }
        return head;
    }

    static GgufTensorType TypeOf(StoredTensor tensor, GgufPrecision precision) =>
        precision == GgufPrecision.F32 || tensor.Shape.Count < 2 || tensor.Name == "transformer.wpe.weight" ? GgufTensorType.F32
        : precision == GgufPrecision.Q8 && tensor.Shape[^1] % Q8Blocks.Length == 0 ? GgufTensorType.Q8_0
        : GgufTensorType.F16;

    static ReadOnlySpan<byte> Encode(Entry entry, ReadOnlySpan<float> values, byte[] buffer)
    {
        var bytes = buffer.AsSpan(0, (int)entry.Type.BytesOf(values.Length));
        switch (entry.Type)
        {
            case GgufTensorType.F32:
                return MemoryMarshal.AsBytes(values);
            case GgufTensorType.Q8_0:
                Q8Blocks.Quantize(values, bytes);
                return bytes;
            default:
                var halves = MemoryMarshal.Cast<byte, Half>(bytes);
                for (int i = 0; i < values.Length; i++)
                {
                    halves[i] = (Half)values[i];
                    if (Half.IsInfinity(halves[i]) && float.IsFinite(values[i])) throw new InvalidDataException($"'{entry.Tensor.Name}' has the value {values[i]}, too large for f16; export with --dtype=f32.");
                }
                return bytes;
        }
    }

    static void Pad(Stream output, long written)
    {
        for (; written % Alignment != 0; written++) output.WriteByte(0);
    }
}
