namespace NanoGpt.Data;

/// <summary>
/// A piece of a corpus as one thread reads it and another turns it into text: whole lines, whole rows, or a part of a text.
/// About a mebibyte; longer only where one document is longer. It is filled again and again.
/// </summary>
internal sealed class RawChunk
{
    /// <summary>What a reader aims at.</summary>
    public const int UsualBytes = 1 << 20;

    /// <summary>No document may be longer: a file that has one is hardly made of documents.</summary>
    public const int MostBytes = 1 << 30;

    public byte[] Bytes = new byte[UsualBytes];

    public int Length { get; set; }

    /// <summary>How far the reader is in its file after this piece, in bytes of the file.</summary>
    public long Position { get; set; }

    /// <summary>The number of the first line, from one (JSON lines), or the offset of the first byte (text).</summary>
    public long Start { get; set; }

    /// <summary>Whether the first document begins here (text).</summary>
    public bool Begins { get; set; }

    /// <summary>Whether the last document ends here (text).</summary>
    public bool Ends { get; set; }

    /// <summary>Whether it lies behind the point where validation begins (text).</summary>
    public bool IsVal { get; set; }

    /// <summary>Where each document ends (rows).</summary>
    public List<int> DocumentEnds { get; } = [];

    /// <summary>Rows without text.</summary>
    public int Empty { get; set; }

    /// <summary>The bytes that are filled.</summary>
    public ReadOnlySpan<byte> Filled => Bytes.AsSpan(0, Length);

    public void Clear()
    {
        (Length, Position, Start, Begins, Ends, IsVal, Empty) = (0, 0, 0, false, false, false, 0);
        DocumentEnds.Clear();
    }

    /// <summary>Makes room for some bytes behind those that are filled.</summary>
    public Span<byte> Room(int count)
    {
        if (Bytes.Length - Length < count) Array.Resize(ref Bytes, (int)Math.Min(Array.MaxLength, Math.Max((long)Length + count, Bytes.Length * 2L)));
        return Bytes.AsSpan(Length);
    }
}
