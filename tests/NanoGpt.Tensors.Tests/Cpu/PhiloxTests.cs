namespace NanoGpt.Tensors.Tests;

public class PhiloxTests
{
    /// <summary>The known answers that Random123 1.14 ships for philox4x32 with 10 rounds.</summary>
    [Theory]
    [InlineData(0ul, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(ulong.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x299f31d0a4093822ul, 0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Draws_are_those_of_Random123(ulong key, uint c0, uint c1, uint c2, uint c3, uint x, uint y, uint z, uint w)
    {
        Assert.Equal((x, y, z, w), Philox.Draw(key, c0, c1, c2, c3));
        Assert.Equal((ulong)y << 32 | x, Philox.Draw64(key, c0, c1, c2, c3));
    }
}
