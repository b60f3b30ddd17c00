using System.Text;

namespace NanoGpt.Data;

/// <summary>
/// Makes a character-level data set of a text, as nanoGPT's <c>data/shakespeare_char/prepare.py</c>: the vocabulary is
/// the sorted distinct characters, and the first <c>int(n * 0.9)</c> characters are for training.
/// </summary>
internal static class CharDatasetWriter
{
    const int CodePoints = 0x110000;

    /// <summary>Reads the text twice, once for the vocabulary and once to encode it, so it need not fit into memory.</summary>
    /// <exception cref="InvalidDataException">The text is too short, or has more characters than 16 bits can tell apart.</exception>
    public static DatasetMeta Write(string name, TextCorpus corpus, string directory, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        void Report(PrepareStage stage, long done)
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(new PrepareProgress(stage, done, corpus.Bytes));
        }

        var (vocabulary, count) = CountCharacters(corpus.Read(done => Report(PrepareStage.Count, done)));
        if (vocabulary.Length > ushort.MaxValue)
            throw new InvalidDataException($"The text has {vocabulary.Length} distinct characters, but a token file can tell only {ushort.MaxValue} apart; clean the text.");
        long trainCount = (long)(count * 0.9);
        if (count - trainCount < 2)
            throw new InvalidDataException($"The text has only {count} characters, too few for training and validation data; give at least 11, and thousands to learn anything.");

        var tokenizer = new CharTokenizer(vocabulary);
        using var files = new TrainAndVal(directory);
        try
        {
            Encode(tokenizer, corpus.Read(done => Report(PrepareStage.Encode, done)), files, trainCount);
        }
        catch (ArgumentException e) // a character that the first reading did not see
        {
            throw new IOException("The text changed while it was read; prepare the data set again when it is complete.", e);
        }

        return files.Publish(name, tokenizer, corpus.Sources, cancellation);
    }

    static (Rune[] Vocabulary, long Count) CountCharacters(IEnumerable<ReadOnlyMemory<char>> text)
    {
        var seen = new bool[CodePoints];
        long count = 0;
        foreach (ReadOnlyMemory<char> piece in text)
        {
            ReadOnlySpan<char> span = piece.Span;
            for (int i = 0; i < span.Length; i++, count++)
            {
                int c = span[i];
                if (char.IsHighSurrogate((char)c)) c = char.ConvertToUtf32((char)c, span[++i]);
                seen[c] = true;
            }
        }
        return ([.. Enumerable.Range(0, CodePoints).Where(c => seen[c]).Select(c => new Rune(c))], count);
    }

    static void Encode(CharTokenizer tokenizer, IEnumerable<ReadOnlyMemory<char>> text, TrainAndVal files, long trainCount)
    {
        int[] buffer = [];
        foreach (ReadOnlyMemory<char> piece in text)
        {
            if (buffer.Length < piece.Length) buffer = new int[piece.Length];
            Span<int> ids = buffer.AsSpan(0, tokenizer.Encode(piece.Span, buffer));
            int head = (int)Math.Min(ids.Length, trainCount - files.Train.Count);
            files.Train.Write(ids[..head]);
            files.Val.Write(ids[head..]);
        }
    }
}
