namespace NanoGpt.Models;

/// <summary>
/// The weights of a model as other programs want a GPT-2: rows of the embedding that only pad the vocabulary left out, and biases of
/// zero where the model has none.
/// </summary>
public sealed class PortableWeights
{
    /// <summary>The weights of a model whose tokens are the first so many.</summary>
    /// <exception cref="ArgumentException">The model has fewer.</exception>
    public PortableWeights(PretrainedWeights weights, int vocabSize)
    {
        if (vocabSize > weights.Config.VocabSize) throw new ArgumentException($"The tokenizer has {vocabSize} tokens, more than the model's {weights.Config.VocabSize}.");
        Config = weights.Config with { VocabSize = vocabSize, Bias = true };
        Tensors = [.. new Gpt(Config).Parameters.Select(parameter =>
        {
            long[] shape = [.. Enumerable.Range(0, parameter.Shape.Rank).Select(i => (long)parameter.Shape[i])];
            return weights.Tensors.TryGetValue(parameter.Name, out var tensor) ? tensor with { Name = parameter.Name, Shape = shape }
                : new StoredTensor(parameter.Name, shape, (destination, _) => destination.Clear());
        })];
    }

    /// <summary>The sizes, of the vocabulary without padding.</summary>
    public GptConfig Config { get; }

    /// <summary>How many values there are.</summary>
    public long Count => Tensors.Sum(tensor => tensor.Count);

    /// <summary>Under nanoGPT's names, matrices as Linear (out, in).</summary>
    internal IReadOnlyList<StoredTensor> Tensors { get; }
}
