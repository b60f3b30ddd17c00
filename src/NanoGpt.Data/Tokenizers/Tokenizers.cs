namespace NanoGpt.Data;

/// <summary>The tokenizers that can be named.</summary>
public static class Tokenizers
{
    /// <summary>Opens one by its name or path.</summary>
    /// <param name="nameOrPath"><c>gpt2</c>, a <c>tokenizer.json</c>, or a folder that holds one, or <c>vocab.json</c> and <c>merges.txt</c>.</param>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    /// <exception cref="InvalidDataException">The file holds no vocabulary of byte-level BPE or of characters.</exception>
    public static Tokenizer Open(string nameOrPath)
    {
        if (nameOrPath == "gpt2") return BpeTokenizer.Gpt2;
        string folder = Path.GetFileName(nameOrPath) is VocabAndMerges.VocabFile or VocabAndMerges.MergesFile ? Path.GetDirectoryName(Path.GetFullPath(nameOrPath))! : nameOrPath;
        string path = Directory.Exists(folder) ? Path.Combine(folder, TokenizerJson.FileName) : folder;
        if (File.Exists(path) && CharTokenizerJson.TryLoad(path) is { } characters) return characters;
        BpeTokenizer opened = File.Exists(path) ? TokenizerJson.Load(path)
            : File.Exists(Path.Combine(folder, VocabAndMerges.VocabFile)) ? VocabAndMerges.Load(folder)
            : throw new ArgumentException($"There is no tokenizer '{nameOrPath}'; give gpt2, or the path of a tokenizer.json or of a folder with one.");
        return Known(opened);
    }

    /// <summary>A tokenizer of byte-level BPE.</summary>
    /// <param name="split">How it cuts a text into words.</param>
    /// <param name="tokens">The tokens by their ids, as files show them (<see cref="BpeTokenizer.Shown"/>).</param>
    /// <param name="merges">The merges, first the ones learned first (<see cref="BpeTokenizer.ShownMerges"/>).</param>
    /// <exception cref="FormatException">They do not belong together; the message continues "this vocabulary cannot be used: ".</exception>
    /// <exception cref="ArgumentException">A byte has no token.</exception>
    public static BpeTokenizer FromShown(SplitPattern split, IReadOnlyList<string> tokens, IEnumerable<string> merges) => Known(ShownVocabulary.Tokenizer(split, tokens, merges));

    /// <summary>The tokenizer itself, or the one that every copy of this library has, where it is that.</summary>
    static BpeTokenizer Known(BpeTokenizer opened) => opened.VocabSize == BpeTokenizer.Gpt2.VocabSize && opened.Hash == BpeTokenizer.Gpt2.Hash ? BpeTokenizer.Gpt2 : opened;
}
