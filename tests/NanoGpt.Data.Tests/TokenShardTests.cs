namespace NanoGpt.Data.Tests;

public sealed class TokenShardTests : IDisposable
{
    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_was_written_is_read_back_from_any_offset()
    {
        int[] tokens = [.. Enumerable.Range(0, 100_000).Select(i => i * 7919 % 65536)];
        using (var writer = new TokenShardWriter(folder["t.bin"]))
        {
            writer.Write(tokens.AsSpan(0, 3));
            writer.Write(tokens.AsSpan(3));
            Assert.Equal(tokens.Length, writer.Count);
            writer.Publish();
            Assert.Equal(Sha256.OfFile(folder["t.bin"]), writer.Sha256);
        }
        using var shard = TokenShard.Open(folder["t.bin"]);
        Assert.Equal(tokens.Length, shard.Count);
        foreach (int offset in new[] { 0, 1, 4095, 99_990 })
        {
            var window = new int[10];
            shard.Read(offset, window);
            Assert.Equal(tokens[offset..(offset + 10)], window);
        }
    }

    [Fact]
    public void Tokens_are_little_endian_without_header()
    {
        using (var writer = new TokenShardWriter(folder["t.bin"]))
        {
            writer.Write([1, 0x0203, 65535]);
            writer.Publish();
        }
        Assert.Equal([1, 0, 3, 2, 255, 255], File.ReadAllBytes(folder["t.bin"]));
    }

    [Fact]
    public void Windows_beyond_two_gigabytes_are_read()
    {
        const long count = 1_200_000_000; // 2.4 GB, sparse: it takes no room on the disk
        string path = folder["large.bin"];
        Assert.SkipWhen(OperatingSystem.IsWindows() || OperatingSystem.IsMacOS(), "Files are not sparse by default on this system.");
        using (var stream = File.Create(path))
        {
            stream.Position = (count - 2) * sizeof(ushort);
            stream.Write([7, 0, 9, 0]);
        }
        using var shard = TokenShard.Open(path);
        var window = new int[3];
        shard.Read(count - 3, window);
        Assert.Equal(count, shard.Count);
        Assert.Equal([0, 7, 9], window);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 4)]
    [InlineData(3, 1)]
    [InlineData(long.MaxValue, 1)]
    public void A_window_beyond_the_shard_is_refused(long offset, int length)
    {
        using var shard = TokenShard.Open(folder.WriteTokens("t.bin", 1, 2, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => shard.Read(offset, new int[length]));
    }

    [Fact]
    public void A_closed_shard_is_not_read()
    {
        var shard = TokenShard.Open(folder.WriteTokens("t.bin", 1, 2, 3));
        shard.Dispose();
        shard.Dispose();
        Assert.Throws<ObjectDisposedException>(() => shard.Read(0, new int[1]));
    }

    [Fact]
    public void Missing_empty_and_cut_files_are_refused_by_name()
    {
        Assert.Contains("none.bin", Assert.Throws<FileNotFoundException>(() => TokenShard.Open(folder["none.bin"])).Message, StringComparison.Ordinal);
        string empty = folder.Write("empty.bin", "");
        Assert.Contains($"'{empty}' is empty", Assert.Throws<InvalidDataException>(() => TokenShard.Open(empty)).Message, StringComparison.Ordinal);
        string odd = folder.Write("odd.bin", "abc");
        Assert.Contains($"'{odd}' has an odd length of 3 bytes", Assert.Throws<InvalidDataException>(() => TokenShard.Open(odd)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(199_999)]
    public void The_first_token_outside_the_vocabulary_is_found(int position)
    {
        var tokens = new ushort[200_000];
        Array.Fill(tokens, (ushort)64);
        tokens[position] = 65;
        tokens[^1] = 65535;
        if (position == tokens.Length - 1) tokens[position] = 65;
        using var shard = TokenShard.Open(folder.WriteTokens("t.bin", tokens));
        var error = Assert.Throws<InvalidDataException>(() => shard.Validate(65));
        Assert.Contains($"'{shard.Path}' has token 65 at position {position}, outside the vocabulary of 65", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tokens_inside_the_vocabulary_pass()
    {
        using var shard = TokenShard.Open(folder.WriteTokens("t.bin", [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)]));
        shard.Validate(65536);
        shard.Validate(100_000);
        Assert.Contains("token 65535 at position 65535", Assert.Throws<InvalidDataException>(() => shard.Validate(65535)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_writer_that_does_not_publish_leaves_the_old_file_and_nothing_else()
    {
        folder.Write("t.bin", "old!");
        using (var writer = new TokenShardWriter(folder["t.bin"])) writer.Write([1, 2, 3]);
        Assert.Equal(["t.bin"], folder.Files());
        Assert.Equal("old!", File.ReadAllText(folder["t.bin"]));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(65536)]
    public void A_token_wider_than_16_bits_is_refused(int token)
    {
        using var writer = new TokenShardWriter(folder["t.bin"]);
        Assert.Contains($"Token {token} ", Assert.Throws<ArgumentException>(() => writer.Write([1, token])).Message, StringComparison.Ordinal);
    }
}
