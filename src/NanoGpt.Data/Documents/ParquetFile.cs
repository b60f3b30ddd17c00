using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace NanoGpt.Data;

/// <summary>A Parquet file, whose column <c>column</c> holds a document in each row. DuckDB reads it, every codec.</summary>
internal sealed class ParquetFile(string path, string column) : DocumentFile(path, column)
{
    public override DocumentReader Open() => new RowReader(this, Column);

    public override void TakeTexts(RawChunk chunk, DocumentText texts)
    {
        int start = 0;
        foreach (int end in chunk.DocumentEnds)
        {
            ReadOnlySpan<byte> text = chunk.Filled[start..end];
            if (!Utf8.IsValid(text))
                throw new InvalidDataException($"'{Path}' has a text that is not UTF-8 among the rows from {chunk.Start:N0} on, in column '{Column}'.");
            texts.Add(text);
            start = end;
        }
        texts.Empty += chunk.Empty;
    }

    sealed class RowReader : DocumentReader
    {
        readonly DuckDbQuery query;
        readonly long bytes, rows;
        long row;
        bool waiting;              // a row was fetched and did not fit any more

        public RowReader(ParquetFile file, string column)
        {
            string source = $"read_parquet({DuckDbQuery.Quote(file.Path)})";
            CheckColumn(file.Path, source, column);
            bytes = file.Bytes;
            using (var count = new DuckDbQuery(file.Path, $"SELECT CAST(count(*) AS VARCHAR) FROM {source}"))
            {
                rows = count.Next() && count.TryGet(0, out ReadOnlySpan<byte> number) ? long.Parse(number, CultureInfo.InvariantCulture) : 0;
            }
            query = new DuckDbQuery(file.Path, $"SELECT {Name(column)} FROM {source}");
        }

        public override bool Read(RawChunk chunk)
        {
            chunk.Start = row + 1;
            while (chunk.Length < RawChunk.UsualBytes && (waiting || query.Next()))
            {
                waiting = false;
                if (!query.TryGet(0, out ReadOnlySpan<byte> text)) chunk.Empty++;
                else if (chunk.Length > 0 && chunk.Length + text.Length > 2 * RawChunk.UsualBytes)
                {
                    waiting = true;
                    break;
                }
                else
                {
                    text.CopyTo(chunk.Room(text.Length));
                    chunk.Length += text.Length;
                    chunk.DocumentEnds.Add(chunk.Length);
                }
                row++;
            }
            chunk.Position = rows == 0 ? bytes : (long)(bytes * (row / (double)rows));
            return row >= chunk.Start;
        }

        public override void Dispose() => query.Dispose();

        static string Name(string column) => $"\"{column.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

        static void CheckColumn(string path, string source, string column)
        {
            var names = new List<string>();
            using var columns = new DuckDbQuery(path, $"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {source})");
            while (columns.Next())
            {
                columns.TryGet(0, out ReadOnlySpan<byte> name);
                columns.TryGet(1, out ReadOnlySpan<byte> type);
                names.Add($"'{Encoding.UTF8.GetString(name)}'");
                if (!name.SequenceEqual(Encoding.UTF8.GetBytes(column))) continue;
                if (type.SequenceEqual("VARCHAR"u8) || type.SequenceEqual("BLOB"u8)) return;
                throw new InvalidDataException($"the column '{column}' of '{path}' holds {Encoding.UTF8.GetString(type)}, not text; choose another with --column.");
            }
            throw new InvalidDataException($"'{path}' has no column '{column}', but {string.Join(", ", names.Take(20))}; choose one with --column.");
        }
    }
}
