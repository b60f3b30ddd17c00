using NanoGpt.Data;

namespace NanoGpt.Training;

/// <summary>What the tokens of pretrained weights mean, as far as can be told, and whether a data set has the same.</summary>
public static class PretrainedTokenizer
{
    static readonly string[] files = [TokenizerJson.FileName, "vocab.json"];

    /// <summary>
    /// The tokenizer in the folder of the weights; else GPT-2's, where their vocabulary is of its size, padded or not; else null.
    /// </summary>
    /// <param name="path">The file or folder of the weights.</param>
    /// <param name="vocabSize">The number of tokens they know.</param>
    /// <exception cref="InvalidDataException">The tokenizer is damaged, or has more tokens than the weights know.</exception>
    public static Tokenizer? Of(string path, int vocabSize)
    {
        string folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;
        Tokenizer? tokenizer = files.Any(name => File.Exists(Path.Combine(folder, name))) ? Tokenizers.Open(folder)
            : DatasetMeta.In(folder) is { } meta ? meta.CreateTokenizer(Path.Combine(folder, DatasetMeta.FileName))
            : IsPadded(BpeTokenizer.Gpt2.VocabSize, vocabSize) ? BpeTokenizer.Gpt2
            : null;
        return tokenizer is null || tokenizer.VocabSize <= vocabSize ? tokenizer
            : throw new InvalidDataException($"{path}: its weights know {vocabSize} tokens, but the tokenizer beside them has {tokenizer.VocabSize}; put the tokenizer there that they were trained with.");
    }

    /// <summary>Checks that a data set has the tokens of pretrained weights: the same tokenizer, or, where nothing says which theirs is, as many tokens.</summary>
    /// <param name="path">The file or folder of the weights.</param>
    /// <param name="vocabSize">The number of tokens they know.</param>
    /// <param name="meta">What the data set says of itself.</param>
    /// <param name="directory">Where the data set is.</param>
    /// <exception cref="InvalidDataException">It has not; the message names both.</exception>
    public static void Check(string path, int vocabSize, DatasetMeta meta, string directory)
    {
        var tokenizer = Of(path, vocabSize);
        string data = $"{directory} holds tokens of the tokenizer '{meta.TokenizerIdentity}' ({meta.VocabSize:N0} tokens)";
        if (tokenizer is not null && tokenizer.Hash != meta.TokenizerSha256)
            throw new InvalidDataException($"The weights {path} were trained with the tokenizer '{tokenizer.Name}:{tokenizer.Hash}' ({tokenizer.VocabSize:N0} tokens), but {data}; prepare the data with --tokenizer={(tokenizer == BpeTokenizer.Gpt2 ? "gpt2" : path)}.");
        if (tokenizer is null && !IsPadded(meta.VocabSize, vocabSize))
            throw new InvalidDataException($"The weights {path} know {vocabSize:N0} tokens, but {data}; prepare the data with the tokenizer they were trained with, and put its {TokenizerJson.FileName} beside the weights.");
    }

    /// <summary>Whether a model has as many tokens as a tokenizer, perhaps rounded up to a multiple of 64 or 128, as is done for speed.</summary>
    static bool IsPadded(int tokens, int vocabSize) => vocabSize == tokens || vocabSize == RoundedUp(tokens, 64) || vocabSize == RoundedUp(tokens, 128);

    static int RoundedUp(int count, int multiple) => (count + multiple - 1) / multiple * multiple;
}
