namespace NanoGpt.Data.Tests;

public class StreamingDecoderTests
{
    /// <summary>Every token is a byte, so most characters span several tokens.</summary>
    sealed class ByteTokenizer : Tokenizer
    {
        static readonly byte[] Bytes = [.. Enumerable.Range(0, 256).Select(b => (byte)b)];
        public override string Name => "byte";
        public override int VocabSize => 256;
        public override string Hash => "";
        public override int[] Encode(string text) => [.. System.Text.Encoding.UTF8.GetBytes(text)];
        public override ReadOnlySpan<byte> Utf8(int id) => Bytes.AsSpan(id, 1);
    }

    [Fact]
    public void A_character_comes_out_whole_with_its_last_token()
    {
        var tokenizer = new ByteTokenizer();
        var decoder = new StreamingDecoder(tokenizer);
        string[] pieces = [.. tokenizer.Encode("a😀é").Select(decoder.Append)];
        Assert.Equal(["a", "", "", "", "😀", "", "é"], pieces);
        Assert.Equal("", decoder.Flush());
    }

    [Fact]
    public void A_character_left_incomplete_ends_as_the_replacement_character()
    {
        var decoder = new StreamingDecoder(new ByteTokenizer());
        Assert.Equal("", decoder.Append(0xF0));
        Assert.Equal("", decoder.Append(0x9F));
        Assert.Equal("\uFFFD", decoder.Flush());
        Assert.Equal("a", decoder.Append('a'));
    }

    [Fact]
    public void Streaming_and_decoding_at_once_agree_on_any_bytes()
    {
        var tokenizer = new ByteTokenizer();
        var random = new Random(1);
        for (int trial = 0; trial < 200; trial++)
        {
            var bytes = new byte[random.Next(40)];
            random.NextBytes(bytes);
            Assert.Equal(System.Text.Encoding.UTF8.GetString(bytes), tokenizer.Decode([.. bytes]));
        }
    }
}
