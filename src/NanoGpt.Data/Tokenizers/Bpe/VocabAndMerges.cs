using System.Text.Json;

namespace NanoGpt.Data;

/// <summary>GPT-2's older pair of files, <c>vocab.json</c> and <c>merges.txt</c>. They cannot name a pattern: it is GPT-2's.</summary>
internal static class VocabAndMerges
{
    public const string VocabFile = "vocab.json", MergesFile = "merges.txt";

    /// <summary>Reads both from a folder.</summary>
    /// <exception cref="FileNotFoundException">One is missing.</exception>
    /// <exception cref="InvalidDataException">They are damaged or do not belong together.</exception>
    public static BpeTokenizer Load(string folder)
    {
        string vocab = Path.Combine(folder, VocabFile), merges = Path.Combine(folder, MergesFile);
        foreach (string path in (string[])[vocab, merges])
            if (!File.Exists(path)) throw new FileNotFoundException($"There is no '{path}'; {VocabFile} and {MergesFile} belong together.");
        var ids = new Dictionary<string, int>();
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(vocab));
            foreach (var entry in json.RootElement.EnumerateObject()) ids[entry.Name] = entry.Value.GetInt32();
            int? endOfText = ids.TryGetValue(BpeTokenizer.EndOfTextMark, out int mark) ? mark : null;
            return new BpeTokenizer("bpe", SplitPattern.Gpt2, ShownVocabulary.Bytes(ids), [.. Merges(merges, ids)], endOfText);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"'{vocab}' is no byte-level BPE vocabulary: {e.Message.TrimEnd('.')}; export it again.", e);
        }
    }

    static IEnumerable<BpeMerge> Merges(string path, Dictionary<string, int> ids)
    {
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (line.Length == 0 || line.StartsWith("#version", StringComparison.Ordinal)) continue;
            yield return line.Split(' ') is [var left, var right] && ShownVocabulary.Merge(left, right, ids) is { } merge
                ? merge
                : throw new InvalidDataException($"'{path}', line {number}: '{line}' is not of two tokens of {VocabFile} that make a third; the two files do not belong together.");
        }
    }
}
