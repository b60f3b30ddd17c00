using System.Text.Json;
using NanoGpt.Data;
using NanoGpt.Models;

namespace NanoGpt.Training;

/// <summary>
/// A folder as Hugging Face's transformers loads it:
/// <code>
/// config.json, generation_config.json, model.safetensors
/// tokenizer.json, tokenizer_config.json
/// vocab.json, merges.txt                    where the tokenizer cuts text as GPT-2's does
/// </code>
/// </summary>
internal static class HuggingFaceFolder
{
    const string GenerationFile = "generation_config.json", TokenizerConfigFile = "tokenizer_config.json";

    static readonly JsonWriterOptions layout = new() { Indented = true, NewLine = "\n" };

    /// <summary>All that such a folder can hold.</summary>
    public static IReadOnlyCollection<string> Names { get; } =
        [HuggingFaceModel.ConfigFile, GenerationFile, HuggingFaceModel.WeightsFile, TokenizerJson.FileName, TokenizerConfigFile, "vocab.json", "merges.txt"];

    public static void Write(string folder, PortableWeights weights, Tokenizer tokenizer, DurableDisk disk, Action<long>? progress)
    {
        void File(string name, Action<Stream> write) => disk.WriteFile(Path.Combine(folder, name), write);
        File(HuggingFaceModel.WeightsFile, stream => HuggingFaceModel.WriteWeights(stream, weights, progress));
        File(HuggingFaceModel.ConfigFile, stream => HuggingFaceModel.WriteConfig(stream, weights.Config, tokenizer.EndOfText));
        File(GenerationFile, stream => HuggingFaceModel.WriteGenerationConfig(stream, tokenizer.EndOfText));
        File(TokenizerConfigFile, stream => WriteTokenizerConfig(stream, tokenizer, weights.Config.BlockSize));
        switch (tokenizer)
        {
            case BpeTokenizer bpe when bpe.Split == SplitPattern.Gpt2: TokenizerJson.Save(bpe, folder); break;
            case BpeTokenizer bpe: TokenizerJson.SaveFile(bpe, folder); break;
            case CharTokenizer characters: CharTokenizerJson.Save(characters, folder); break;
            default: throw new InvalidDataException($"The tokenizer '{tokenizer.Name}' has no form that Hugging Face's tokenizers read.");
        }
    }

    /// <summary>GPT2Tokenizer splits as GPT-2 does and needs the mark between documents; what has its own rules is told by tokenizer.json alone.</summary>
    static void WriteTokenizerConfig(Stream output, Tokenizer tokenizer, int context)
    {
        bool likeGpt2 = tokenizer is BpeTokenizer bpe && bpe.Split == SplitPattern.Gpt2 && bpe.EndOfText is not null;
        using var json = new Utf8JsonWriter(output, layout);
        json.WriteStartObject();
        json.WriteString("tokenizer_class", likeGpt2 ? "GPT2Tokenizer" : "PreTrainedTokenizerFast");
        json.WriteNumber("model_max_length", context);
        json.WriteBoolean("clean_up_tokenization_spaces", false);
        if (likeGpt2) json.WriteBoolean("add_prefix_space", false);
        if (tokenizer.EndOfText is not null)
            foreach (string mark in (string[])["bos_token", "eos_token", "unk_token"]) json.WriteString(mark, BpeTokenizer.EndOfTextMark);
        json.WriteEndObject();
    }
}
