using System.Text;

namespace NanoGpt.Data;

/// <summary>The characters of a corpus of documents.</summary>
internal static class CharVocabulary
{
    /// <summary>Reads all documents once.</summary>
    /// <exception cref="InvalidDataException">A file is malformed, or has more characters than 16 bits can tell apart.</exception>
    public static CharTokenizer Of(IEnumerable<DocumentFile> files, CancellationToken cancellation)
    {
        var seen = new SortedSet<Rune>();
        var raw = new RawChunk();
        var texts = new DocumentText();
        foreach (DocumentFile file in files)
        {
            using DocumentReader reader = file.Open();
            while (true)
            {
                cancellation.ThrowIfCancellationRequested();
                raw.Clear();
                texts.Clear();
                if (!reader.Read(raw)) break;
                file.TakeTexts(raw, texts);
                foreach (TextPiece piece in texts.Pieces)
                    foreach (Rune character in Encoding.UTF8.GetString(texts[piece]).EnumerateRunes()) seen.Add(character);
            }
        }
        return seen.Count <= ushort.MaxValue ? new CharTokenizer(seen)
            : throw new InvalidDataException($"The documents have {seen.Count} distinct characters, but a token file can tell only {ushort.MaxValue} apart; clean the text.");
    }
}
