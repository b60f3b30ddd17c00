using System.Runtime.InteropServices;

namespace NanoGpt.Models.Tests;

/// <summary>Writes a checkpoint as llm.c's train_gpt2.py does.</summary>
static class LlmcBytes
{
    static readonly string[] layerTensors = ["ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight", "attn.c_proj.bias",
        "ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias"];

    public static byte[] Of(SmallWeights weights, int version, int paddedVocabulary)
    {
        var config = SmallWeights.Config;
        int[] header = new int[256];
        int[] start = [20240326, version, config.BlockSize, config.VocabSize, config.NLayer, config.NHead, config.NEmbd, paddedVocabulary];
        start.CopyTo(header, 0);
        using var file = new MemoryStream();
        file.Write(MemoryMarshal.AsBytes<int>(header));
        Put("transformer.wte.weight");
        for (int i = config.VocabSize * config.NEmbd; i < paddedVocabulary * config.NEmbd; i++) PutOne(0);
        Put("transformer.wpe.weight");
        foreach (string name in layerTensors)
            for (int layer = 0; layer < config.NLayer; layer++) Put($"transformer.h.{layer}.{name}");
        Put("transformer.ln_f.weight");
        Put("transformer.ln_f.bias");
        return file.ToArray();

        void Put(string name)
        {
            foreach (float value in weights.Tensors[name].Values) PutOne(value);
        }

        void PutOne(float value) => file.Write(version == 3 ? BitConverter.GetBytes(value) : BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)));
    }
}
