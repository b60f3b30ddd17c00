using NanoGpt.Data;
using NanoGpt.Models;

namespace NanoGpt.Cli;

/// <summary>Writes a sample to stdout as it is drawn.</summary>
static class TextStream
{
    /// <summary>Writes the prompt and what follows it, up to the end of the text, a stop text or the limit.</summary>
    public static void Write(Generator generator, Tokenizer tokenizer, string start, int maxNewTokens, IReadOnlyList<string> stops, int sample = 0)
    {
        int[] prompt = tokenizer.Encode(start);
        Console.Write(start);
        var decoder = new StreamingDecoder(tokenizer);
        var filter = new StopText(stops);
        foreach (int id in generator.Continue(prompt, maxNewTokens, sample))
        {
            if (id == tokenizer.EndOfText) break;
            var (text, stopped) = filter.Append(decoder.Append(id));
            Console.Write(text);        // stdout flushes each write
            if (stopped) return;
        }
        Console.Write(filter.Append(decoder.Flush()).Text + filter.Flush());
    }
}
