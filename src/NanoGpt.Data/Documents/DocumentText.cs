namespace NanoGpt.Data;

/// <summary>A run of text that is tokenised in one go: a document, or a part of a long one.</summary>
/// <param name="Start">Where its bytes begin.</param>
/// <param name="Length">How many they are.</param>
/// <param name="Begins">Whether a document begins with it.</param>
/// <param name="Ends">Whether a document ends with it.</param>
internal readonly record struct TextPiece(int Start, int Length, bool Begins, bool Ends);

/// <summary>The texts of a <see cref="RawChunk"/>, as UTF-8, one behind the other. It is filled again and again.</summary>
internal sealed class DocumentText
{
    byte[] bytes = new byte[RawChunk.UsualBytes];
    int length;

    public List<TextPiece> Pieces { get; } = [];

    /// <summary>Documents that have no text and are left out.</summary>
    public int Empty { get; set; }

    public ReadOnlySpan<byte> this[TextPiece piece] => bytes.AsSpan(piece.Start, piece.Length);

    public void Clear()
    {
        length = Empty = 0;
        Pieces.Clear();
    }

    /// <summary>Room for a text of at most so many bytes; adding says how many they are.</summary>
    public Span<byte> Room(int most)
    {
        if (bytes.Length - length < most) Array.Resize(ref bytes, (int)Math.Min(Array.MaxLength, Math.Max((long)length + most, bytes.Length * 2L)));
        return bytes.AsSpan(length, most);
    }

    /// <summary>Takes what was written into the room.</summary>
    public void Add(int count, bool begins = true, bool ends = true)
    {
        if (count == 0 && begins && ends) Empty++;
        else Pieces.Add(new TextPiece(length, count, begins, ends));
        length += count;
    }

    public void Add(ReadOnlySpan<byte> text, bool begins = true, bool ends = true)
    {
        text.CopyTo(Room(text.Length));
        Add(text.Length, begins, ends);
    }
}
