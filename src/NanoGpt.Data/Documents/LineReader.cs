namespace NanoGpt.Data;

/// <summary>Reads whole lines, about a mebibyte at a time.</summary>
internal sealed class LineReader(string path) : DocumentReader
{
    readonly ByteSource source = new(path);
    byte[] carried = [];           // the beginning of a line whose end is still to come
    int carriedLength;
    long line = 1;
    bool ended;

    public override bool Read(RawChunk chunk)
    {
        if (ended) return false;
        carried.AsSpan(0, carriedLength).CopyTo(chunk.Room(carriedLength));
        chunk.Length = carriedLength;
        if (line == 1 && carriedLength == 0) SkipByteOrderMark(chunk);
        int end = -1;              // behind the last whole line
        while (end < 0 && !ended)
        {
            if (chunk.Length > RawChunk.MostBytes) throw new InvalidDataException($"line {line} of '{path}' is longer than {RawChunk.MostBytes >> 20} MiB; is it JSON lines?");
            Span<byte> room = chunk.Room(RawChunk.UsualBytes / 2)[..];
            int count = source.Fill(room);
            ended = count < room.Length;
            int last = room[..count].LastIndexOf((byte)'\n');
            if (last >= 0) end = chunk.Length + last + 1;
            chunk.Length += count;
        }
        if (ended) end = chunk.Length;
        carriedLength = chunk.Length - end;
        if (carried.Length < carriedLength) carried = new byte[Math.Max(carriedLength, RawChunk.UsualBytes)];
        chunk.Bytes.AsSpan(end, carriedLength).CopyTo(carried);
        (chunk.Length, chunk.Start, chunk.Position) = (end, line, source.Position);
        line += chunk.Filled.Count((byte)'\n');
        return end > 0;
    }

    public override void Dispose() => source.Dispose();

    void SkipByteOrderMark(RawChunk chunk)
    {
        int count = source.Fill(chunk.Room(3)[..3]);
        chunk.Length = chunk.Bytes.AsSpan(0, count).SequenceEqual("\uFEFF"u8) ? 0 : count;
    }
}
