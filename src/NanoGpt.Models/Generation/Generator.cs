using System.Runtime.InteropServices;
using NanoGpt.Tensors;

namespace NanoGpt.Models;

/// <summary>
/// Writes on from a prompt, a token at a time, seeing at most the last <c>block_size</c> tokens, as nanoGPT's generate. The prompt is
/// read in one pass; from then on a cache keeps what has been seen, and several samples go through the weights together.
/// </summary>
/// <remarks>
/// Past <c>block_size</c> the window moves with each token, and with it every token's position: what the cache holds is of no use
/// any more, so the whole window is read again for each token, exactly as nanoGPT does.
/// </remarks>
/// <param name="model">The model.</param>
/// <param name="tape">The memory it computes in.</param>
/// <param name="options">How tokens are drawn.</param>
/// <param name="tokens">How many tokens mean something, the tokenizer's: those behind them only pad the model's vocabulary and are never drawn. All where left out.</param>
public sealed class Generator(Gpt model, Tape tape, SamplingOptions options, int? tokens = null)
{
    /// <summary>Samples that are best written together: for more, the weights would be read twice.</summary>
    public const int MaxTogether = 16;

    readonly int block = model.Config.BlockSize, vocabulary = model.Config.VocabSize, drawn = tokens ?? model.Config.VocabSize;
    readonly Sampler sampler = new(options, tokens ?? model.Config.VocabSize);

    /// <summary>The tokens that follow a prompt, as they are drawn.</summary>
    /// <param name="prompt">At least one token id.</param>
    /// <param name="maxNewTokens">How many to draw at most.</param>
    /// <param name="sample">Which of several samples this is.</param>
    /// <exception cref="ArgumentException">The prompt is empty, or has an id outside the vocabulary.</exception>
    public IEnumerable<int> Continue(IReadOnlyList<int> prompt, int maxNewTokens, int sample = 0) =>
        ContinueTogether(prompt, maxNewTokens, sample, count: 1).Select(tokens => tokens[0]);

    /// <summary>Several continuations of a prompt: at each step the next token of each. They are the same as those drawn alone.</summary>
    /// <param name="prompt">At least one token id.</param>
    /// <param name="maxNewTokens">How many steps at most.</param>
    /// <param name="first">Number of the first sample.</param>
    /// <param name="count">How many samples.</param>
    /// <exception cref="ArgumentException">The prompt is empty, or has an id outside the vocabulary.</exception>
    public IEnumerable<int[]> ContinueTogether(IReadOnlyList<int> prompt, int maxNewTokens, int first, int count)
    {
        if (prompt.Count == 0) throw new ArgumentException("The prompt is empty: give at least one token to start from.");
        foreach (int id in prompt)
            if ((uint)id >= (uint)drawn) throw new ArgumentException($"The prompt has token {id}, but the vocabulary has {drawn}.");
        return Draw(prompt, maxNewTokens, first, count);
    }

    IEnumerable<int[]> Draw(IReadOnlyList<int> prompt, int maxNewTokens, int first, int count)
    {
        var texts = Enumerable.Range(0, count).Select(_ => new List<int>(prompt)).ToArray();
        var logits = new float[count * vocabulary];
        KeyValueCache? cache = null;
        try
        {
            for (int i = 0; i < maxNewTokens; i++)
            {
                if (i == 0) cache = ReadPrompt(prompt, count, (int)Math.Min(block, (long)prompt.Count + maxNewTokens), logits);
                else ReadOn(texts, cache!, logits);
                var next = new int[count];
                for (int s = 0; s < count; s++)
                {
                    next[s] = sampler.Draw(logits.AsSpan(s * vocabulary, drawn), CollectionsMarshal.AsSpan(texts[s]), first + s, i);
                    texts[s].Add(next[s]);
                }
                yield return next;
            }
        }
        finally
        {
            cache?.Dispose();
        }
    }

    /// <summary>One pass over the prompt, of which each sample gets a copy.</summary>
    KeyValueCache ReadPrompt(IReadOnlyList<int> prompt, int count, int capacity, float[] logits)
    {
        int[] context = [.. prompt.Skip(Math.Max(0, prompt.Count - block))];
        using var cache = model.NewCache(tape.Device, 1, capacity);
        Begin();
        tape.Device.Read(model.NextLogits(tape.Tokens(context, 1, context.Length), cache).Data, logits.AsSpan(0, vocabulary));
        for (int s = 1; s < count; s++) logits.AsSpan(0, vocabulary).CopyTo(logits.AsSpan(s * vocabulary));
        return cache.Repeat(count);
    }

    /// <summary>The last token of each text joins the cache; where that is full, the last <c>block_size</c> tokens are read again.</summary>
    void ReadOn(List<int>[] texts, KeyValueCache cache, float[] logits)
    {
        bool full = cache.Length == block;
        int time = full ? block : 1;
        int[] ids = [.. texts.SelectMany(text => text.Skip(text.Count - time))];
        Begin();
        tape.Device.Read(model.NextLogits(tape.Tokens(ids, texts.Length, time), full ? null : cache).Data, logits);
    }

    void Begin()
    {
        tape.Recording = false;
        tape.Reset();
    }
}
