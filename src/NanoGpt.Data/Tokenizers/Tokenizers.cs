namespace NanoGpt.Data;

/// <summary>The tokenizers that can be named.</summary>
public static class Tokenizers
{
    /// <summary>Opens one by its name or path.</summary>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static Tokenizer Open(string nameOrPath) => throw new ArgumentException($"There is no tokenizer '{nameOrPath}'; choose --tokenizer=char.");
}
