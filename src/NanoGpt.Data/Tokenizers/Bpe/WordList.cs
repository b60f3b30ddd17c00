using System.Runtime.InteropServices;

namespace NanoGpt.Data;

/// <summary>
/// The distinct words of a corpus as tokens, with what training asks of them: the most frequent pair, and to merge it. For each
/// pair it knows how often it occurs and in which words, and a heap brings the most frequent to the top; entries of the heap
/// whose count has changed since are put back with the count of now.
/// </summary>
internal sealed class WordList
{
    /// <summary>Two tokens side by side.</summary>
    public readonly record struct Pair(int Left, int Right);

    sealed class Occurrences { public long Count; public readonly List<int> Words = []; }       // words may repeat, and may have lost the pair

    readonly int[][] words;
    readonly long[] counts;
    readonly Dictionary<Pair, Occurrences> pairs = [];
    readonly PriorityQueue<Pair, (long Count, Pair Pair)> heap = new(new MostFrequentFirst());
    readonly HashSet<Pair> changed = [];

    /// <summary>The words as Latin-1, whose characters are bytes, and how often each occurs.</summary>
    public WordList(IReadOnlyDictionary<string, long> corpus)
    {
        var tokenOfByte = new int[256];
        for (int id = 0; id < 256; id++) tokenOfByte[ByteAlphabet.Order[id]] = id;
        var several = corpus.Where(entry => entry.Key.Length > 1).ToArray();
        words = [.. several.Select(entry => entry.Key.Select(c => tokenOfByte[c]).ToArray())];
        counts = [.. several.Select(entry => entry.Value)];
        for (int w = 0; w < words.Length; w++)
            for (int i = 0; i + 1 < words[w].Length; i++) Count(new(words[w][i], words[w][i + 1]), counts[w], w);
        Update();
    }

    /// <summary>The pair that occurs most often; null when no pair occurs twice.</summary>
    public Pair? MostFrequent()
    {
        while (heap.TryPeek(out var pair, out var priority))
        {
            long now = pairs.TryGetValue(pair, out var occurrences) ? occurrences.Count : 0;
            if (now == priority.Count) return now > 1 ? pair : null;
            heap.Dequeue();
            if (now > 0) heap.Enqueue(pair, (now, pair));
        }
        return null;
    }

    /// <summary>Puts a token in the place of a pair, in every word, from left to right.</summary>
    public void Merge(Pair pair, int token)
    {
        pairs.Remove(pair, out var occurrences);
        foreach (int w in occurrences!.Words.Distinct())
        {
            int[] old = words[w];
            int length = 0;
            for (int i = 0; i < old.Length; i++)
            {
                bool here = i + 1 < old.Length && old[i] == pair.Left && old[i + 1] == pair.Right;
                if (here)
                {
                    // The neighbours lose a pair each and gain one.
                    if (length > 0)
                    {
                        Count(new(old[length - 1], pair.Left), -counts[w], w);
                        Count(new(old[length - 1], token), counts[w], w);
                    }
                    if (i + 2 < old.Length)
                    {
                        Count(new(pair.Right, old[i + 2]), -counts[w], w);
                        Count(new(token, old[i + 2]), counts[w], w);
                    }
                }
                old[length++] = here ? token : old[i];
                if (here) i++;
            }
            if (length < old.Length) words[w] = old[..length];
        }
        pairs.Remove(pair);     // within a run of one letter, the pair itself was counted down
        Update();
    }

    void Count(Pair pair, long by, int word)
    {
        ref var occurrences = ref CollectionsMarshal.GetValueRefOrAddDefault(pairs, pair, out _);
        occurrences ??= new();
        occurrences.Count += by;
        if (by > 0 && (occurrences.Words.Count == 0 || occurrences.Words[^1] != word)) occurrences.Words.Add(word);
        if (by > 0) changed.Add(pair);
    }

    /// <summary>Pairs whose count has grown come into the heap anew; those that shrank are found out when they reach its top.</summary>
    void Update()
    {
        foreach (var pair in changed)
            if (pairs.TryGetValue(pair, out var occurrences) && occurrences.Count > 0) heap.Enqueue(pair, (occurrences.Count, pair));
        changed.Clear();
    }

    sealed class MostFrequentFirst : IComparer<(long Count, Pair Pair)>
    {
        public int Compare((long Count, Pair Pair) a, (long Count, Pair Pair) b) =>
            a.Count != b.Count ? b.Count.CompareTo(a.Count) : a.Pair.Left != b.Pair.Left ? a.Pair.Left.CompareTo(b.Pair.Left) : a.Pair.Right.CompareTo(b.Pair.Right);
    }
}
