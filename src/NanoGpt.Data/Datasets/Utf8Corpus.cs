using System.Buffers;
using System.Security.Cryptography;
using System.Text.Unicode;

namespace NanoGpt.Data;

/// <summary>
/// UTF-8 files, read as Python's text mode reads them: <c>\r\n</c> and a lone <c>\r</c> are <c>\n</c>. A byte order mark
/// is skipped. Several files are one text; a file that does not end its last line is followed by <c>\n</c>.
/// </summary>
internal sealed class Utf8Corpus : TextCorpus
{
    const int PieceBytes = 1 << 20;
    static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    readonly List<string> files = [];
    readonly List<string> notes = [];
    SourceFile[] sources = [];

    /// <param name="inputs">Files, and folders whose files are taken in ordinal order of their relative paths.</param>
    /// <exception cref="FileNotFoundException">An input does not exist.</exception>
    /// <exception cref="InvalidDataException">A folder holds no file, or all files are empty.</exception>
    public Utf8Corpus(IEnumerable<string> inputs)
    {
        foreach (string input in inputs)
        {
            if (File.Exists(input)) files.Add(input);
            else if (Directory.Exists(input)) AddFolder(input);
            else throw new FileNotFoundException($"There is no file or folder '{input}'; check the path given with --input.", input);
        }
        Bytes = files.Sum(file => new FileInfo(file).Length);
        if (Bytes == 0) throw new InvalidDataException($"'{string.Join("', '", files)}' is empty; give a file with text.");
    }

    public override long Bytes { get; }

    public override IReadOnlyList<SourceFile> Sources => sources;

    public override IReadOnlyList<string> Notes => notes;

    public void AddNote(string note) => notes.Add(note);

    public override IEnumerable<ReadOnlyMemory<char>> Read(Action<long> progress)
    {
        var read = new SourceFile[files.Count];
        long before = 0;
        char last = '\n';
        for (int i = 0; i < files.Count; i++)
        {
            if (last != '\n') yield return "\n".AsMemory();
            using var reader = new Utf8FileReader(files[i]);
            while (reader.ReadPiece() is { IsEmpty: false } piece)
            {
                last = piece.Span[^1];
                progress(before + reader.Position);
                yield return piece;
            }
            read[i] = new SourceFile(files[i], reader.Position, reader.Sha256());
            before += reader.Position;
        }
        for (int i = 0; i < sources.Length; i++)
            if (sources[i] != read[i])
                throw new IOException($"'{files[i]}' changed while it was read; prepare the data set again when it is complete.");
        sources = read;
    }

    void AddFolder(string folder)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = false }; // skips hidden files
        string[] found = [.. Directory.EnumerateFiles(folder, "*", options)
            .Select(file => Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/'))
            .Order(StringComparer.Ordinal)
            .Select(file => Path.Combine(folder, file))];
        if (found.Length == 0) throw new InvalidDataException($"The folder '{folder}' holds no file; give a folder with text files.");
        files.AddRange(found);
        notes.Add($"'{folder}' gave {found.Length} {(found.Length == 1 ? "file" : "files")}, hidden ones left out.");
    }

    sealed class Utf8FileReader(string path) : IDisposable
    {
        readonly FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        readonly byte[] bytes = new byte[PieceBytes];
        readonly char[] chars = new char[PieceBytes];
        int pending;                 // bytes of a character cut by the end of the last piece
        bool afterReturn;            // the last piece ended with \r

        /// <summary>The number of bytes read from the file.</summary>
        public long Position { get; private set; }

        public string Sha256() => Convert.ToHexStringLower(hash.GetCurrentHash());

        /// <summary>The next piece; empty at the end of the file.</summary>
        public ReadOnlyMemory<char> ReadPiece()
        {
            while (true)
            {
                int count = stream.ReadAtLeast(bytes.AsSpan(pending), bytes.Length - pending, throwOnEndOfStream: false);
                bool end = count < bytes.Length - pending;
                hash.AppendData(bytes, pending, count);
                Position += count;
                ReadOnlySpan<byte> source = bytes.AsSpan(0, pending + count);
                long sourceStart = Position - source.Length;
                if (source.IsEmpty) return default;
                if (sourceStart == 0 && source.StartsWith(ByteOrderMark))
                {
                    source = source[ByteOrderMark.Length..];
                    sourceStart = ByteOrderMark.Length;
                }
                OperationStatus status = Utf8.ToUtf16(source, chars, out int consumed, out int written, replaceInvalidSequences: false, isFinalBlock: end);
                if (status == OperationStatus.InvalidData)
                    throw new InvalidDataException($"'{path}' is not UTF-8: byte 0x{source[consumed]:X2} at offset {sourceStart + consumed} starts no character; convert the file to UTF-8.");
                pending = source.Length - consumed;
                source[consumed..].CopyTo(bytes);
                int length = NormalizeNewlines(chars.AsSpan(0, written));
                if (length > 0) return chars.AsMemory(0, length);
                if (end) return default;
            }
        }

        public void Dispose()
        {
            stream.Dispose();
            hash.Dispose();
        }

        int NormalizeNewlines(Span<char> text)
        {
            if (!afterReturn && !text.Contains('\r')) return text.Length;
            int length = 0;
            foreach (char c in text)
            {
                if (c != '\n' || !afterReturn) text[length++] = c == '\r' ? '\n' : c;
                afterReturn = c == '\r';
            }
            return length;
        }
    }
}
