using NanoGpt.Data;
using NanoGpt.Models;

namespace NanoGpt.Cli;

/// <summary>
/// Writes samples to stdout as they are drawn, in order: of those that are drawn together the first that is not done yet is shown
/// as it grows, and the text of the others is kept until it is their turn.
/// </summary>
static class TextStream
{
    /// <summary>Writes the prompt and what follows it, up to the end of the text, a stop text, the limit or the wish to stop.</summary>
    public static void Write(Generator generator, Tokenizer tokenizer, string start, int maxNewTokens, IReadOnlyList<string> stops, CancellationToken stop) =>
        Write(generator, tokenizer, start, maxNewTokens, stops, 0, 1, after: "", stop);

    /// <summary>Writes several samples, and after each what separates it from the next.</summary>
    public static void Write(Generator generator, Tokenizer tokenizer, string start, int maxNewTokens, IReadOnlyList<string> stops, int first, int count, string after, CancellationToken stop = default)
    {
        int[] prompt = tokenizer.EncodeWithSpecial(start);
        var samples = Enumerable.Range(0, count).Select(_ => new SampleText(tokenizer, stops)).ToArray();
        int shown = 0;
        Console.Write(start);
        foreach (int[] tokens in generator.ContinueTogether(prompt, maxNewTokens, first, count))
        {
            for (int s = 0; s < count; s++) samples[s].Append(tokens[s]);
            Console.Write(samples[shown].Take());       // stdout flushes each write
            while (shown < count && samples[shown].Done) Next();
            if (shown == count) return;
            if (stop.IsCancellationRequested) break;
        }
        while (shown < count) Next();

        void Next()
        {
            samples[shown].End();
            Console.Write(samples[shown].Take() + after);
            if (++shown < count) Console.Write(start + samples[shown].Take());
        }
    }
}
