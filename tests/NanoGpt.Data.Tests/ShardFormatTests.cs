using System.Buffers.Binary;
using System.Text;

namespace NanoGpt.Data.Tests;

public sealed class ShardFormatTests : IDisposable
{
    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    static int[] TokensOf(string path)
    {
        using var shard = TokenShard.Open(path);
        var tokens = new int[shard.Count];
        shard.Read(0, tokens);
        return tokens;
    }

    string Write(string name, ShardFormat format, TokenType type, params int[] tokens)
    {
        using var writer = new TokenShardWriter(folder[name], format, type);
        writer.Write(tokens);
        writer.Publish();
        Assert.Equal(Sha256.OfFile(folder[name]), writer.Sha256);
        return folder[name];
    }

    static byte[] LlmC(int magic, int version, int count, params ushort[] tokens)
    {
        var bytes = new byte[1024 + 2 * tokens.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, magic);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), count);
        System.Runtime.InteropServices.MemoryMarshal.AsBytes<ushort>(tokens).CopyTo(bytes.AsSpan(1024));
        return bytes;
    }

    static byte[] Npy(byte version, string header, params byte[] content) =>
        [0x93, .. "NUMPY"u8, version, 0, (byte)header.Length, 0, .. version > 1 ? new byte[2] : [], .. Encoding.Latin1.GetBytes(header), .. content];

    static string Header(string descr, string shape, string order = "False") => $"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n";

    [Theory]
    [InlineData("books_val_000000.bin", ShardFormat.LlmC)]
    [InlineData("books_train_000001.bin", ShardFormat.LlmC)]
    [InlineData("books_val_000000.npy", ShardFormat.Npy)]
    [InlineData("nanogpt_val.bin", ShardFormat.NanoGpt)]
    [InlineData("nanogpt_train.bin", ShardFormat.NanoGpt)]
    public void Files_of_other_programs_are_recognised_and_written_again_byte_for_byte(string name, ShardFormat format)
    {
        string path = SharedData.PathOf(Path.Combine("shards", name));
        using var shard = TokenShard.Open(path);
        Assert.Equal((format, TokenType.UInt16, name.Contains("val") ? 79_171 : 274_888), (shard.Format, shard.Type, shard.Count));
        string copy = Write(name, format, TokenType.UInt16, TokensOf(path));
        Assert.Equal(Sha256.OfFile(path), Sha256.OfFile(copy));
    }

    [Fact]
    public void The_formats_hold_the_same_tokens()
    {
        int[] expected = TokensOf(SharedData.PathOf("shards/books_val_000000.bin"));
        Assert.Equal(expected, TokensOf(SharedData.PathOf("shards/books_val_000000.npy")));
        int[] eotLast = TokensOf(SharedData.PathOf("shards/nanogpt_val.bin")); // the same documents, end-of-text after instead of before
        Assert.Equal(expected[1..], eotLast[..^1]);
    }

    [Theory]
    [InlineData(ShardFormat.NanoGpt, TokenType.UInt16, "t.bin")]
    [InlineData(ShardFormat.LlmC, TokenType.UInt16, "t.bin")]
    [InlineData(ShardFormat.Npy, TokenType.UInt16, "t.npy")]
    [InlineData(ShardFormat.Npy, TokenType.Int32, "t.npy")]
    [InlineData(ShardFormat.Npy, TokenType.UInt32, "t.npy")]
    [InlineData(ShardFormat.Npy, TokenType.Int64, "t.npy")]
    public void What_is_written_is_read(ShardFormat format, TokenType type, string name)
    {
        int[] tokens = [.. Enumerable.Range(0, 50_000).Select(i => (int)((long)i * 104729 % (type == TokenType.UInt16 ? 65536 : int.MaxValue)))];
        using var shard = TokenShard.Open(Write(name, format, type, tokens));
        Assert.Equal((format, type, tokens.Length), (shard.Format, shard.Type, shard.Count));
        var window = new int[777];
        shard.Read(49_223, window);
        Assert.Equal(tokens[49_223..], window);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Every_version_of_npy_is_read_at_any_alignment(byte version)
    {
        foreach (string padding in (string[])["", " ", "   "])
        {
            string path = folder.Write("v.npy", Npy(version, Header("<i4", "(2,)" + padding), 5, 0, 0, 0, 1, 2, 0, 0));
            Assert.Equal([5, 513], TokensOf(path));
        }
    }

    [Fact]
    public void A_bare_file_that_begins_like_a_header_is_told_apart()
    {
        ushort[] likeHeader = [55432, 308, 1, 0, 9, 0, .. Enumerable.Range(1, 700).Select(i => (ushort)i)];
        using var bare = TokenShard.Open(folder.WriteTokens("bare.bin", likeHeader));
        Assert.Equal((ShardFormat.NanoGpt, likeHeader.Length), (bare.Format, bare.Count));
        using var shard = TokenShard.Open(folder.Write("shard.bin", LlmC(20240520, 1, 3, 7, 8, 9)));
        Assert.Equal((ShardFormat.LlmC, 3), (shard.Format, shard.Count));
    }

    [Theory]
    [InlineData(1, 4, 3, "says 4 tokens, but 6 bytes follow it")]
    [InlineData(1, 2, 3, "says 2 tokens")]
    [InlineData(1, -1, 3, "says -1 tokens")]
    [InlineData(1, int.MaxValue, 3, "says 2147483647 tokens")]
    [InlineData(1, 0, 0, "holds no tokens")]
    [InlineData(7, 3, 3, "of version 7")]
    public void A_lying_llm_c_header_is_refused(int version, int count, int tokens, string fault)
    {
        string path = folder.Write("t.bin", LlmC(20240520, version, count, new ushort[tokens]));
        Refused(path, fault);
    }

    [Fact]
    public void A_cut_llm_c_file_is_refused()
    {
        byte[] whole = LlmC(20240520, 1, 3, 7, 8, 9);
        foreach (int length in (int[])[12, 500, 1023]) Refused(folder.Write("t.bin", whole[..length]), "cut off inside its header");
        foreach (int length in (int[])[1024, 1029]) Refused(folder.Write("t.bin", whole[..length]), "says 3 tokens");
    }

    [Theory]
    [InlineData("<u2", "(3,)", "False", 6, null)]
    [InlineData(">u2", "(3,)", "False", 6, "big-endian")]
    [InlineData("<f4", "(3,)", "False", 12, "holds '<f4'")]
    [InlineData("|u1", "(3,)", "False", 3, "holds '|u1'")]
    [InlineData("<u2", "(3, 2)", "False", 12, "has the shape (3, 2)")]
    [InlineData("<u2", "()", "False", 2, "has the shape ()")]
    [InlineData("<u2", "(3,)", "True", 6, "Fortran order")]
    [InlineData("<u2", "(3,)", "None", 6, "'fortran_order'")]
    [InlineData("<u2", "(0,)", "False", 0, "no tokens")]
    [InlineData("<u2", "(3,)", "False", 5, "says that it holds 3 numbers of 2 bytes, but 5 bytes follow")]
    [InlineData("<u2", "(3,)", "False", 8, "but 8 bytes follow")]
    [InlineData("<i8", "(9223372036854775807,)", "False", 8, "but 8 bytes follow")]
    [InlineData("<i8", "(99999999999999999999,)", "False", 8, "no number")]
    [InlineData("<i8", "(-1,)", "False", 8, "no number")]
    public void A_npy_file_of_something_else_is_refused(string descr, string shape, string order, int content, string? fault)
    {
        string path = folder.Write("t.npy", Npy(1, Header(descr, shape, order), new byte[content]));
        if (fault is null) Assert.Equal([0, 0, 0], TokensOf(path));
        else Refused(path, fault);
    }

    [Fact]
    public void A_damaged_npy_header_is_refused()
    {
        Refused(folder.Write("t.npy", "\u0001\u0002\u0003\u0004"), "does not begin as a .npy file does");
        Refused(folder.Write("t.npy", Npy(1, "")[..9]), "cut off after 9 bytes");
        Refused(folder.Write("t.npy", Npy(4, Header("<u2", "(1,)"), 1, 0)), "version 4");
        Refused(folder.Write("t.npy", Npy(1, Header("<u2", "(1,)"))[..40]), "inside its header");
        Refused(folder.Write("t.npy", Npy(1, "{'shape': (1,)}", 1, 0)), "'descr'");
        byte[] huge = [.. Npy(2, Header("<u2", "(1,)"), 1, 0)];
        BinaryPrimitives.WriteUInt32LittleEndian(huge.AsSpan(8), uint.MaxValue);
        Refused(folder.Write("t.npy", huge), "inside its header");
    }

    [Fact]
    public void Numbers_that_are_no_tokens_are_refused_with_their_position()
    {
        byte[] negative = [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
        Assert.Contains("has -1 at position 1", Unreadable("<i4", negative), StringComparison.Ordinal);
        Assert.Contains("has 4294967295 at position 1", Unreadable("<u4", negative), StringComparison.Ordinal);
        Assert.Contains("has 4294967296 at position 0", Unreadable("<i8", [0, 0, 0, 0, 1, 0, 0, 0]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_is_no_token_file() => Refused(folder.Root, "is a directory");

    [Fact]
    public void A_bin_file_holds_16_bits() =>
        Assert.Throws<ArgumentException>(() => new TokenShardWriter(folder["t.bin"], ShardFormat.LlmC, TokenType.Int32));

    string Unreadable(string descr, byte[] content)
    {
        using var shard = TokenShard.Open(folder.Write("t.npy", Npy(1, Header(descr, $"({content.Length / (descr == "<i8" ? 8 : 4)},)"), content)));
        return Assert.Throws<InvalidDataException>(() => shard.Validate(100)).Message;
    }

    static void Refused(string path, string fault)
    {
        var error = Assert.Throws<InvalidDataException>(() => TokenShard.Open(path));
        Assert.Contains($"'{path}'", error.Message, StringComparison.Ordinal);
        Assert.Contains(fault, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }
}
