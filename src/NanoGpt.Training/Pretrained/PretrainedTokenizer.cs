using NanoGpt.Data;
using NanoGpt.Models;

namespace NanoGpt.Training;

/// <summary>What the tokens of pretrained weights mean, as far as can be told, and whether a data set has the same.</summary>
public static class PretrainedTokenizer
{
    static readonly string[] files = [TokenizerJson.FileName, "vocab.json"];

    /// <summary>
    /// The tokenizer in the file of the weights (GGUF); else in their folder; else nanoGPT's <c>meta.pkl</c> of the data set that they say
    /// they were trained on; else GPT-2's, where their vocabulary is of its size, padded or not; else null.
    /// </summary>
    /// <param name="path">The file or folder of the weights.</param>
    /// <param name="weights">The weights.</param>
    /// <exception cref="InvalidDataException">The tokenizer is damaged, or has more tokens than the weights know.</exception>
    public static Tokenizer? Of(string path, PretrainedWeights weights)
    {
        int vocabSize = weights.Config.VocabSize;
        string folder = FolderOf(path);
        Tokenizer? tokenizer = weights.ReadVocabulary() is { } own && GgufTokenizer.Read(own, weights.Path) is { } read ? read
            : HasFiles(folder) ? Tokenizers.Open(folder)
            : DatasetMeta.In(folder) is { } meta ? meta.CreateTokenizer(Path.Combine(folder, DatasetMeta.FileName))
            : DataFolders(folder, weights.Dataset).Select(data => InNanoGptFolder(data, path, vocabSize)).FirstOrDefault(found => found is not null) is { } characters ? characters
            : IsPadded(BpeTokenizer.Gpt2.VocabSize, vocabSize) ? BpeTokenizer.Gpt2
            : null;
        return tokenizer is null || tokenizer.VocabSize <= vocabSize ? tokenizer
            : throw new InvalidDataException($"{path}: its weights know {vocabSize} tokens, but the tokenizer beside them has {tokenizer.VocabSize}; put the tokenizer there that they were trained with.");
    }

    /// <summary>The characters of a <c>meta.pkl</c> of nanoGPT; null where a folder has none.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="path">The file or folder of the weights.</param>
    /// <param name="vocabSize">The number of tokens they know.</param>
    /// <exception cref="InvalidDataException">It is damaged, or has not as many characters.</exception>
    public static Tokenizer? InNanoGptFolder(string folder, string path, int vocabSize)
    {
        string file = Path.Combine(folder, NanoGptMeta.FileName);
        if (!File.Exists(file)) return null;
        var characters = NanoGptMeta.Read(file);
        if (!IsPadded(characters.Count, vocabSize))
            throw new InvalidDataException($"The weights {path} know {vocabSize} tokens, but {file} has {characters.Count} characters; name the folder of the data set they were trained on with --data_dir, or put its {NanoGptMeta.FileName} beside the weights.");
        try
        {
            return new CharTokenizer(characters);
        }
        catch (ArgumentException fault)
        {
            throw new InvalidDataException($"{file}: these are no characters: {fault.Message}", fault);
        }
    }

    static string FolderOf(string path) => Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;

    static bool HasFiles(string folder) => files.Any(name => File.Exists(Path.Combine(folder, name)));

    /// <summary>Where the <c>meta.pkl</c> of a checkpoint of nanoGPT can be: beside it; in <c>data/DATASET</c> of the working folder, as nanoGPT looks for it; or of the folder above.</summary>
    static IEnumerable<string> DataFolders(string folder, string? dataset)
    {
        yield return folder;
        if (dataset is null || dataset != Path.GetFileName(dataset)) yield break;      // the name comes from a file, and must not lead elsewhere
        yield return Path.Combine("data", dataset);
        yield return Path.Combine(folder, "..", "data", dataset);
    }

    /// <summary>Checks that a data set has the tokens of pretrained weights: the same tokenizer, or, where nothing says which theirs is, as many tokens.</summary>
    /// <param name="path">The file or folder of the weights.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="meta">What the data set says of itself.</param>
    /// <param name="directory">Where the data set is.</param>
    /// <exception cref="InvalidDataException">It has not; the message names both.</exception>
    public static void Check(string path, PretrainedWeights weights, DatasetMeta meta, string directory)
    {
        var tokenizer = Of(path, weights);
        int vocabSize = weights.Config.VocabSize;
        string data = $"{directory} holds tokens of the tokenizer '{meta.TokenizerIdentity}' ({meta.VocabSize:N0} tokens)";
        if (tokenizer is not null && tokenizer.Hash != meta.TokenizerSha256)
            throw new InvalidDataException($"The weights {path} were trained with the tokenizer '{tokenizer.Name}:{tokenizer.Hash}' ({tokenizer.VocabSize:N0} tokens), but {data}; prepare the data with {(tokenizer == BpeTokenizer.Gpt2 ? "--tokenizer=gpt2" : HasFiles(FolderOf(path)) ? $"--tokenizer={FolderOf(path)}" : "that tokenizer, which export --format=hf writes")}.");
        if (tokenizer is null && !IsPadded(meta.VocabSize, vocabSize))
            throw new InvalidDataException($"The weights {path} know {vocabSize:N0} tokens, but {data}; prepare the data with the tokenizer they were trained with, and put its {TokenizerJson.FileName} beside the weights.");
    }

    /// <summary>Whether a model has as many tokens as a tokenizer, perhaps rounded up to a multiple of 64 or 128, as is done for speed.</summary>
    static bool IsPadded(int tokens, int vocabSize) => vocabSize == tokens || vocabSize == RoundedUp(tokens, 64) || vocabSize == RoundedUp(tokens, 128);

    static int RoundedUp(int count, int multiple) => (count + multiple - 1) / multiple * multiple;
}
