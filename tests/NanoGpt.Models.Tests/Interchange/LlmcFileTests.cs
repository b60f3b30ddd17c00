namespace NanoGpt.Models.Tests;

public sealed class LlmcFileTests : IDisposable
{
    readonly TempFolder folder = new();
    readonly SmallWeights weights = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(11)]
    [InlineData(128)]
    public void Version_3_holds_floats_and_rows_that_pad_the_vocabulary_are_left_out(int padded) =>
        Assert.Equal("llm.c", weights.AssertIn(folder.Write("gpt2.bin", LlmcBytes.Of(weights, 3, padded))));

    [Theory]
    [InlineData(11)]
    [InlineData(64)]
    public void Version_5_holds_bfloat16(int padded) =>
        weights.AssertIn(folder.Write("gpt2.bin", LlmcBytes.Of(weights, 5, padded)), value => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(value) & 0xFFFF0000));

    [Theory]
    [InlineData(1, 1, "its version is 1; this program reads 3 (fp32) and 5 (bf16)")]
    [InlineData(2, 0, "its block_size is 0")]
    [InlineData(3, -1, "its vocab_size is -1")]
    [InlineData(5, 3, "its n_embd (8) is not divisible by its n_head (3)")]
    [InlineData(7, 10, "its vocabulary of 11 is padded to 10")]
    [InlineData(4, 3, "ends within")]
    [InlineData(4, 1, "but its header makes")]
    public void A_header_that_does_not_fit_is_refused(int place, int value, string fault)
    {
        byte[] bytes = LlmcBytes.Of(weights, 3, 11);
        BitConverter.GetBytes(value).CopyTo(bytes, place * sizeof(int));
        string path = folder.Write("gpt2.bin", bytes), message = Assert.Throws<InvalidDataException>(() => PretrainedWeights.Open(path)).Message;
        Assert.StartsWith($"{path}: not a whole llm.c checkpoint: ", message);
        Assert.Contains(fault, message);
    }
}
