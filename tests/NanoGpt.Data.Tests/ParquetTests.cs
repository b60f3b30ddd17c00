using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace NanoGpt.Data.Tests;

public sealed class ParquetTests : IDisposable
{
    const string Apache = "parquet/apache_parquet_testing";

    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<string, string> Files => new()
    {
        { "edge_arrowrs_gzip_dict.parquet", "text" }, { "edge_arrowrs_snappy_v2pages_delta.parquet", "text" }, { "edge_duckdb_brotli.parquet", "text" },
        { "edge_duckdb_lz4raw.parquet", "text" }, { "edge_duckdb_snappy_v2.parquet", "text" }, { "edge_duckdb_uncompressed.parquet", "text" },
        { "fineweb_like_arrowrs_snappy_rg64.parquet", "text" }, { "fineweb_like_arrowrs_zstd_pages16k_rg100.parquet", "text" }, { "fineweb_like_duckdb_gzip.parquet", "text" },
        { "fineweb_like_duckdb_snappy.parquet", "text" }, { "fineweb_like_duckdb_zstd_v2.parquet", "text" }, { "fineweb_like_hyparquetwriter.parquet", "text" },
        { "gsm8k_test_pyarrow_snappy.parquet", "question" }, { "gsm8k_test_pyarrow_snappy.parquet", "answer" },
        { "gsm8k_train_pyarrow_snappy.parquet", "question" }, { "gsm8k_train_pyarrow_snappy.parquet", "answer" },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_codec_and_writer_gives_the_known_rows(string name, string column)
    {
        string path = SharedData.PathOf($"parquet/{name}");
        DuckDb.Need();
        using var json = JsonDocument.Parse(File.ReadAllBytes(SharedData.PathOf("parquet/expected.json")));
        JsonElement expected = json.RootElement.GetProperty("files").GetProperty(name);
        using var rows = new DuckDbQuery(path, $"SELECT \"{column}\" FROM read_parquet({DuckDbQuery.Quote(path)})");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        int count = 0, nulls = 0, empties = 0;
        var texts = new List<string>();
        for (; rows.Next(); count++)
        {
            bool there = rows.TryGet(0, out ReadOnlySpan<byte> text);
            hash.AppendData(there ? text : [0xFF]);
            hash.AppendData("\n"u8);
            if (!there) nulls++;
            else if (text.IsEmpty) empties++;
            else texts.Add(Encoding.UTF8.GetString(text));
        }
        Assert.Equal(expected.GetProperty("rows").GetInt32(), count);
        Assert.Equal(expected.GetProperty($"{column}_sha256").GetString(), Convert.ToHexStringLower(hash.GetHashAndReset()));
        if (column == "text") Assert.Equal(expected.GetProperty("null_text").GetInt32(), nulls);

        Assert.Equal(texts, Documents.Of(new ParquetFile(path, column), out int left));
        Assert.Equal(nulls + empties, left);
    }

    [Fact]
    public void The_files_of_apache_are_read_or_refused_as_duckdb_does()
    {
        string root = SharedData.PathOf(Apache);
        DuckDb.Need();
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(root, "expected_rows.json")));
        int read = 0;
        foreach (JsonProperty file in json.RootElement.GetProperty("files").EnumerateObject())
        {
            string path = Path.Combine(root, file.Name);
            if (!File.Exists(path) || file.Name.StartsWith("bad_data", StringComparison.Ordinal)) continue;
            if (!file.Value.TryGetProperty("duckdb_rows", out JsonElement rows))
            {
                Assert.Contains(path, Assert.Throws<InvalidDataException>(() => Count(path)).Message, StringComparison.Ordinal);
                continue;
            }
            Assert.Equal(rows.GetInt32(), Count(path));
            read++;
        }
        Assert.InRange(read, 25, 100);
    }

    [Fact]
    public void Malformed_files_are_refused_by_name_and_never_crash()
    {
        string root = SharedData.PathOf($"{Apache}/bad_data");
        DuckDb.Need();
        foreach (string path in Directory.GetFiles(root, "*.parquet"))
        {
            string message = Assert.ThrowsAny<Exception>(() => CountStrict(path)).Message;
            Assert.Contains(path, message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', message);
        }
    }

    [Fact]
    public void Damaged_files_are_refused_or_read_and_never_crash()
    {
        byte[] good = File.ReadAllBytes(SharedData.PathOf("parquet/edge_duckdb_brotli.parquet"));
        DuckDb.Need();
        var random = new Random(1);
        for (int i = 0; i < 30; i++)
        {
            byte[] bad = i % 3 == 0 ? good[..random.Next(good.Length)] : [.. good];
            for (int flips = random.Next(1, 20); flips > 0 && bad.Length > 0; flips--) bad[random.Next(bad.Length)] ^= (byte)(1 << random.Next(8));
            string path = folder.Write("bad.parquet", bad);
            try
            {
                Documents.Of(new ParquetFile(path, "text"));
            }
            catch (InvalidDataException e)
            {
                Assert.Contains(path, e.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void A_missing_column_is_answered_with_those_there_are()
    {
        string path = SharedData.PathOf("parquet/gsm8k_test_pyarrow_snappy.parquet");
        DuckDb.Need();
        Assert.Contains("has no column 'text', but 'question', 'answer'", Assert.Throws<InvalidDataException>(() => new ParquetFile(path, "text").Open()).Message, StringComparison.Ordinal);
        string fineweb = SharedData.PathOf("parquet/fineweb_like_duckdb_snappy.parquet");
        Assert.Contains("holds BIGINT, not text", Assert.Throws<InvalidDataException>(() => new ParquetFile(fineweb, "token_count").Open()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Zstd_lines_are_the_lines()
    {
        DuckDb.Need();
        string[] documents = ["plain", "quotes \" and 'both', commas, tabs\t", "line\nbreaks\r\n", new string('x', 3_000_000), "ü😀\u0001"];
        string lines = folder.Write("a.jsonl", string.Concat(documents.Select(text => JsonSerializer.Serialize(new { text }) + "\n")));
        string packed = folder["a.jsonl.zst"];
        using (var query = new DuckDbQuery(packed, $"COPY (SELECT line FROM read_csv({DuckDbQuery.Quote(lines)}, columns={{'line': 'VARCHAR'}}, delim='\u0001', quote='', escape='', header=false, auto_detect=false, max_line_size=10000000)) TO {DuckDbQuery.Quote(packed)} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\u0001', COMPRESSION zstd)"))
        {
            while (query.Next()) { }
        }
        Assert.Equal(0xFD2FB528u, BitConverter.ToUInt32(File.ReadAllBytes(packed)));
        Assert.Equal(documents, Documents.Of(new ZstdLinesFile(packed, "text")));
        File.WriteAllBytes(packed, File.ReadAllBytes(packed)[..^30]);
        Assert.Contains(packed, Assert.Throws<InvalidDataException>(() => Documents.Of(new ZstdLinesFile(packed, "text"))).Message, StringComparison.Ordinal);
    }

    static int Count(string path)
    {
        using var query = new DuckDbQuery(path, $"SELECT * FROM read_parquet({DuckDbQuery.Quote(path)})");
        int rows = 0;
        while (query.Next()) rows++;
        return rows;
    }

    /// <summary>As a preparation reads it: a text column has to be there, and its texts to be UTF-8.</summary>
    static int CountStrict(string path) => Documents.Of(new ParquetFile(path, "text")).Count;
}
