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
        return opened.VocabSize == BpeTokenizer.Gpt2.VocabSize && opened.Hash == BpeTokenizer.Gpt2.Hash ? BpeTokenizer.Gpt2 : opened;
    }
}
