namespace NanoGpt.Data;

/// <summary>
/// Some of the documents that are held out, bounded in bytes: each of them at first, and every second, fourth, … when they become too
/// many. Of a long one only the beginning is kept. So it is the same for the same documents, and lies evenly over them.
/// </summary>
internal sealed class HeldOutSample(int maxBytes = 32 << 20)
{
    /// <summary>A document has at most this part of the room, so that no single one is the sample.</summary>
    const int LeastDocuments = 8;

    readonly List<(long Document, byte[] Text)> pieces = [];
    long every = 1, last = -1;
    int bytes, room;

    /// <summary>The texts, in their order; a document may be in several pieces.</summary>
    public IEnumerable<byte[]> Texts => pieces.Select(piece => piece.Text);

    /// <summary>Bytes of all texts.</summary>
    public int Bytes => bytes;

    /// <summary>Offers a piece of a document that is held out, numbered from 0.</summary>
    public void Add(long document, ReadOnlySpan<byte> text)
    {
        if (document % every != 0) return;
        if (document != last) (last, room) = (document, maxBytes / LeastDocuments);
        text = text[..Math.Min(text.Length, room)];
        room -= text.Length;
        if (text.IsEmpty) return;
        pieces.Add((document, text.ToArray()));
        for (bytes += text.Length; bytes > maxBytes; bytes = pieces.Sum(piece => piece.Text.Length))
        {
            every *= 2;
            pieces.RemoveAll(piece => piece.Document % every != 0);
        }
    }
}
