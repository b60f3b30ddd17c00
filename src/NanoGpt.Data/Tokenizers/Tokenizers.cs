namespace NanoGpt.Data;

/// <summary>The tokenizers that can be named.</summary>
public static class Tokenizers
{
    /// <summary>Opens one by its name or path.</summary>
    /// <param name="nameOrPath"><c>gpt2</c>, or a <c>tokenizer.json</c>, or a folder that holds one.</param>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    /// <exception cref="InvalidDataException">The file holds no byte-level BPE vocabulary.</exception>
    public static Tokenizer Open(string nameOrPath)
    {
        if (nameOrPath == "gpt2") return BpeTokenizer.Gpt2;
        string path = Directory.Exists(nameOrPath) ? Path.Combine(nameOrPath, TokenizerJson.FileName) : nameOrPath;
        return File.Exists(path) ? TokenizerJson.Load(path)
            : throw new ArgumentException($"There is no tokenizer '{nameOrPath}'; give gpt2, or the path of a tokenizer.json or of a folder with one.");
    }
}
