using System.Text;
using System.Text.Unicode;

namespace NanoGpt.Data;

/// <summary>
/// A UTF-8 text: one document, or two where validation begins inside. Read as Python's text mode reads it: <c>\r\n</c> and a lone
/// <c>\r</c> are <c>\n</c>, and a byte order mark is skipped.
/// </summary>
/// <param name="path">The file, perhaps packed with gzip.</param>
/// <param name="valFrom">The offset in the text from where it is for validation; moved to the next line.</param>
internal sealed class TextFile(string path, long valFrom = long.MaxValue) : DocumentFile(path)
{
    public override DocumentReader Open() => new TextReader(Path, valFrom);

    public override void TakeTexts(RawChunk chunk, DocumentText texts)
    {
        ReadOnlySpan<byte> text = chunk.Filled;
        if (!Utf8.IsValid(text)) throw NotUtf8(text, chunk.Start);
        if (chunk.Start == 0 && text.StartsWith("\uFEFF"u8)) text = text[3..];
        Span<byte> room = texts.Room(text.Length);
        int length = 0;
        while (text.IndexOf((byte)'\r') is >= 0 and int at)
        {
            text[..at].CopyTo(room[length..]);
            length += at;
            room[length++] = (byte)'\n';
            text = text[(at + (at + 1 < text.Length && text[at + 1] == '\n' ? 2 : 1))..];
        }
        text.CopyTo(room[length..]);
        texts.Add(length + text.Length, chunk.Begins, chunk.Ends);
    }

    InvalidDataException NotUtf8(ReadOnlySpan<byte> text, long start)
    {
        int at = 0;
        while (Rune.DecodeFromUtf8(text[at..], out _, out int length) == System.Buffers.OperationStatus.Done) at += length;
        return new($"'{Path}' is not UTF-8: byte 0x{text[at]:X2} at offset {start + at} starts no character; convert the file to UTF-8.");
    }

    /// <summary>
    /// Cuts a text where no token of any tokenizer can reach across, between a letter and the space or line end behind it: so the
    /// tokens are those of the whole text.
    /// </summary>
    sealed class TextReader(string path, long valFrom) : DocumentReader
    {
        readonly ByteSource source = new(path);
        readonly byte[] carried = new byte[2 * RawChunk.UsualBytes];
        int carriedLength;
        long offset;
        bool begins = true, ended, isVal = valFrom == 0;

        public override bool Read(RawChunk chunk)
        {
            if (ended && carriedLength == 0) return false;
            Span<byte> room = chunk.Room(2 * RawChunk.UsualBytes)[..(2 * RawChunk.UsualBytes)];
            carried.AsSpan(0, carriedLength).CopyTo(room);
            int filled = carriedLength;
            if (!ended)
            {
                filled += source.Fill(room[carriedLength..]);
                ended = filled < room.Length;
            }
            ReadOnlySpan<byte> text = room[..filled];
            bool reachesVal = !isVal && valFrom < offset + filled;
            int limit = reachesVal ? LineEndFrom(text, (int)Math.Max(0, valFrom - offset)) : filled;
            int end = limit > RawChunk.UsualBytes ? Cut(text[..RawChunk.UsualBytes]) : limit;
            bool turns = reachesVal && end == limit;
            (chunk.Length, chunk.Start, chunk.Position, chunk.IsVal, chunk.Begins) = (end, offset, source.Position, isVal, begins);
            carriedLength = filled - end;
            text[end..].CopyTo(carried);
            chunk.Ends = turns || (ended && carriedLength == 0);
            (begins, offset) = (turns, offset + end);
            isVal |= turns;
            return end > 0 || chunk.Ends;
        }

        public override void Dispose() => source.Dispose();

        static int LineEndFrom(ReadOnlySpan<byte> text, int from)
        {
            int end = text[from..].IndexOf((byte)'\n');
            return end < 0 ? text.Length : from + end + 1;
        }

        static int Cut(ReadOnlySpan<byte> text)
        {
            int half = text.Length / 2;
            for (int i = text.Length - 1; i > half; i--)
                if (text[i] is (byte)' ' or (byte)'\n' && char.IsAsciiLetter((char)text[i - 1])) return i;
            for (int i = text.Length - 1; i > half; i--) // GPT-2's tokens end at a line end behind anything that is no space
                if (text[i] == '\n' && text[i - 1] > ' ') return i;
            for (int i = text.Length - 1; i > half; i--) // at least whole characters, and no line end cut in two
                if ((text[i] & 0xC0) != 0x80 && text[i - 1] != '\r') return i;
            return text.Length;
        }
    }
}
