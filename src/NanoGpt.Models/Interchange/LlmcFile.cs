using System.Runtime.InteropServices;

namespace NanoGpt.Models;

/// <summary>
/// The weights of an llm.c checkpoint, <c>gpt2_124M.bin</c> (version 3, fp32) or <c>gpt2_124M_bf16.bin</c> (version 5): 256 int32
/// of header (magic, version, context, vocabulary, layers, heads, channels, padded vocabulary), then each kind of tensor for
/// all layers together. The rows that pad the vocabulary are left out.
/// </summary>
/// <remarks>write_model in https://github.com/karpathy/llm.c/blob/master/train_gpt2.py</remarks>
internal sealed class LlmcFile : IDisposable
{
    /// <summary>The first number of the header.</summary>
    public const int Magic = 20240326;
    const int HeaderInts = 256;

    readonly FileBytes file;

    /// <exception cref="InvalidDataException">It is not such a file, or cut short.</exception>
    public LlmcFile(string path)
    {
        file = new FileBytes(path);
        try
        {
            var header = MemoryMarshal.Cast<byte, int>(file.ReadBytes(0, HeaderInts * sizeof(int)));
            if (header[0] != Magic) throw Fault($"its first number is {header[0]}, not {Magic}");
            var dtype = header[1] switch
            {
                3 => SafetensorsDtype.F32,
                5 => SafetensorsDtype.BF16,
                var version => throw Fault($"its version is {version}; this program reads 3 (fp32) and 5 (bf16): write it with the present train_gpt2.py"),
            };
            Config = new GptConfig(header[2], header[3], header[4], header[5], header[6], Gelu: GeluForm.Tanh);
            if (PretrainedConfig.Fault(Config) is { } fault) throw Fault(fault);
            int padded = header[7];
            if (padded < Config.VocabSize || padded > PretrainedConfig.Largest) throw Fault($"its vocabulary of {Config.VocabSize} is padded to {padded}");
            Tensors = Layout(Config, padded, dtype);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public GptConfig Config { get; }

    public IReadOnlyList<StoredTensor> Tensors { get; }

    List<StoredTensor> Layout(GptConfig config, int padded, SafetensorsDtype dtype)
    {
        long c = config.NEmbd, at = HeaderInts * sizeof(int);
        var tensors = new List<StoredTensor>();
        void Add(string name, params long[] shape)
        {
            var elements = new FloatBytes(file, dtype, at, shape.Aggregate(1L, (product, size) => product * size));
            tensors.Add(new StoredTensor(name, shape, elements.Read));
            at += elements.Count * dtype.Size();
            if (at > file.Length) throw Fault($"it has {file.Length} bytes and ends within '{name}'");
        }
        void AddLayers(string name, params long[] shape)
        {
            for (int layer = 0; layer < config.NLayer; layer++) Add($"transformer.h.{layer}.{name}", shape);
        }
        Add("transformer.wte.weight", config.VocabSize, c);
        at += (padded - config.VocabSize) * c * dtype.Size();
        Add("transformer.wpe.weight", config.BlockSize, c);
        AddLayers("ln_1.weight", c);
        AddLayers("ln_1.bias", c);
        AddLayers("attn.c_attn.weight", 3 * c, c);
        AddLayers("attn.c_attn.bias", 3 * c);
        AddLayers("attn.c_proj.weight", c, c);
        AddLayers("attn.c_proj.bias", c);
        AddLayers("ln_2.weight", c);
        AddLayers("ln_2.bias", c);
        AddLayers("mlp.c_fc.weight", 4 * c, c);
        AddLayers("mlp.c_fc.bias", 4 * c);
        AddLayers("mlp.c_proj.weight", c, 4 * c);
        AddLayers("mlp.c_proj.bias", c);
        Add("transformer.ln_f.weight", c);
        Add("transformer.ln_f.bias", c);
        return at == file.Length ? tensors : throw Fault($"it has {file.Length} bytes, but its header makes {at}");
    }

    InvalidDataException Fault(string what) => new($"{file.Path}: not a whole llm.c checkpoint: {what}.");

    public void Dispose() => file.Dispose();
}
