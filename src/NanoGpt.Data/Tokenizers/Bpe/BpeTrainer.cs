using System.Runtime.InteropServices;
using System.Text;

namespace NanoGpt.Data;

/// <summary>
/// Learns a byte-level vocabulary (Sennrich et al. 2016): the pair of neighbouring tokens that is most frequent in the corpus
/// becomes a token, again and again. The corpus is first counted as distinct words, so a merge costs as much as the words it
/// is in, not as much as the corpus.
/// </summary>
/// <remarks>
/// Counts have 64 bits. Of pairs equally frequent, the one with the smaller left id is taken, then the smaller right id, so the same
/// text always gives the same vocabulary. Memory is that of the distinct words, of which at most <see cref="MaxWords"/> are
/// kept: beyond that, the rarest are forgotten.
/// </remarks>
public sealed class BpeTrainer(SplitPattern split)
{
    /// <summary>The most distinct words kept: some hundreds of megabytes.</summary>
    public const int MaxWords = 4_000_000;

    readonly Dictionary<string, long> counts = [];      // words as Latin-1: a character is a byte
    char[] word = new char[256];

    /// <summary>The number of distinct words counted.</summary>
    public int Words => counts.Count;

    /// <summary>Counts the words of a document in UTF-8.</summary>
    public void Add(ReadOnlySpan<byte> utf8)
    {
        if (!System.Text.Unicode.Utf8.IsValid(utf8)) utf8 = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(utf8));
        var lookup = counts.GetAlternateLookup<ReadOnlySpan<char>>();
        for (int start = 0; start < utf8.Length;)
        {
            int end = split.End(utf8, start), length = end - start;
            if (length > word.Length) word = new char[2 * length];
            Encoding.Latin1.GetChars(utf8[start..end], word);
            CollectionsMarshal.GetValueRefOrAddDefault(lookup, word.AsSpan(0, length), out _)++;
            start = end;
        }
        if (counts.Count > MaxWords) Forget();
    }

    /// <summary>Learns a vocabulary from the words counted.</summary>
    /// <param name="vocabSize">How many tokens it shall have, with the 256 bytes and the mark between documents.</param>
    /// <param name="progress">Hears how many tokens there are.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="ArgumentException">The size is below 257.</exception>
    public BpeTokenizer Train(int vocabSize, Action<int>? progress = null, CancellationToken cancellation = default)
    {
        if (vocabSize < 257) throw new ArgumentException($"vocab_size is {vocabSize}, but must be at least 257: the bytes and the mark between documents.");
        var tokens = ByteAlphabet.Order.Select(b => (byte[])[b]).ToList();
        var merges = new List<BpeMerge>();
        var words = new WordList(counts);
        while (tokens.Count < vocabSize - 1 && words.MostFrequent() is { } pair)
        {
            cancellation.ThrowIfCancellationRequested();
            merges.Add(new BpeMerge(pair.Left, pair.Right, tokens.Count));
            words.Merge(pair, tokens.Count);
            tokens.Add([.. tokens[pair.Left], .. tokens[pair.Right]]);
            progress?.Invoke(tokens.Count);
        }
        tokens.Add(Encoding.UTF8.GetBytes(BpeTokenizer.EndOfTextMark));
        return new BpeTokenizer("bpe", split, [.. tokens], merges, tokens.Count - 1);
    }

    void Forget()
    {
        long least = 1;
        while (counts.Count > MaxWords / 2)
        {
            foreach (var (rare, count) in counts)
                if (count <= least) counts.Remove(rare);
            least *= 2;
        }
    }
}
