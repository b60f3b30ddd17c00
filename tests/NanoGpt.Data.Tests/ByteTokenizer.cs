namespace NanoGpt.Data.Tests;

/// <summary>A token for each byte, and one between documents: whatever is wrong with a token stream can be read in it.</summary>
sealed class ByteTokenizer : Tokenizer
{
    public const int End = 256;

    static readonly byte[] bytes = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];

    public override string Name => "bytes";

    public override int VocabSize => 257;

    public override int? EndOfText => End;

    public override string Hash => "bytes";

    public override int[] Encode(string text) => [.. System.Text.Encoding.UTF8.GetBytes(text)];

    public override void Encode(ReadOnlySpan<byte> utf8, List<int> ids)
    {
        foreach (byte b in utf8) ids.Add(b);
    }

    public override ReadOnlySpan<byte> Utf8(int id) => bytes.AsSpan(id, 1);
}
