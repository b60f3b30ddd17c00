using NanoGpt.Tensors;

namespace NanoGpt.Models;

/// <summary>Writes on from a prompt, a token at a time, seeing at most the last <c>block_size</c> tokens, as nanoGPT's generate.</summary>
public sealed class Generator(Gpt model, Tape tape, SamplingOptions options)
{
    readonly Sampler sampler = new(options, model.Config.VocabSize);

    /// <summary>The tokens that follow a prompt, as they are drawn.</summary>
    /// <param name="prompt">At least one token id.</param>
    /// <param name="maxNewTokens">How many to draw at most.</param>
    /// <param name="sample">Which of several samples this is.</param>
    /// <exception cref="ArgumentException">The prompt is empty, or has an id outside the vocabulary.</exception>
    public IEnumerable<int> Continue(IReadOnlyList<int> prompt, int maxNewTokens, int sample = 0)
    {
        if (prompt.Count == 0) throw new ArgumentException("The prompt is empty: give at least one token to start from.");
        foreach (int id in prompt)
            if ((uint)id >= (uint)model.Config.VocabSize) throw new ArgumentException($"The prompt has token {id}, but the model's vocabulary has {model.Config.VocabSize}.");
        return Draw([.. prompt], maxNewTokens, sample);
    }

    IEnumerable<int> Draw(List<int> tokens, int maxNewTokens, int sample)
    {
        var logits = new float[model.Config.VocabSize];
        for (int i = 0; i < maxNewTokens; i++)
        {
            int[] context = [.. tokens.Skip(Math.Max(0, tokens.Count - model.Config.BlockSize))];
            tape.Recording = false;
            tape.Reset();
            tape.Device.Read(model.NextLogits(tape.Tokens(context, 1, context.Length)).Data, logits);
            int next = sampler.Draw(logits, sample, i);
            tokens.Add(next);
            yield return next;
        }
    }
}
