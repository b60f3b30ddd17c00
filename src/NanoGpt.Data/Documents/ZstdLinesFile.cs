namespace NanoGpt.Data;

/// <summary>JSON lines packed with zstd. DuckDB unpacks them into lines, which are then read as any others.</summary>
internal sealed class ZstdLinesFile(string path, string column) : DocumentFile(path, column)
{
    const double UsualRatio = 3;   // of text to its packed size; DuckDB does not tell how far it is, so progress is judged by it

    readonly JsonLinesFile lines = new(path, column);

    public override DocumentReader Open() => new PackedLineReader(this);

    public override void TakeTexts(RawChunk chunk, DocumentText texts) => lines.TakeTexts(chunk, texts);

    sealed class PackedLineReader(ZstdLinesFile file) : DocumentReader
    {
        // One column, no quotes, and a delimiter that JSON allows nowhere: each line comes as it is.
        readonly DuckDbQuery query = new(file.Path, $"SELECT line FROM read_csv({DuckDbQuery.Quote(file.Path)}, columns={{'line': 'VARCHAR'}}, delim='\u0001', " +
            $"quote='', escape='', header=false, auto_detect=false, compression='zstd', null_padding=false, max_line_size={RawChunk.MostBytes >> 4}, parallel=false)");

        long line = 1, unpacked;

        public override bool Read(RawChunk chunk)
        {
            chunk.Start = line;
            while (chunk.Length < RawChunk.UsualBytes && query.Next())
            {
                query.TryGet(0, out ReadOnlySpan<byte> text);
                Span<byte> room = chunk.Room(text.Length + 1);
                text.CopyTo(room);
                room[text.Length] = (byte)'\n';
                chunk.Length += text.Length + 1;
                line++;
            }
            unpacked += chunk.Length;
            chunk.Position = Math.Min(file.Bytes, (long)(unpacked / UsualRatio));
            return line > chunk.Start;
        }

        public override void Dispose() => query.Dispose();
    }
}
