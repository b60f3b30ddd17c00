namespace NanoGpt;

/// <summary>
/// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011).
/// A draw is a pure function of (key, counter), so nothing has to be saved to continue a random stream:
/// the key is the run's seed, the counter says what the number is for.
/// </summary>
/// <remarks>Compiled into each ground-floor room that needs it, so that the rooms need not know each other.</remarks>
internal static class Philox
{
    const uint M0 = 0xD2511F53, M1 = 0xCD9E8D57;
    const uint W0 = 0x9E3779B9, W1 = 0xBB67AE85;

    /// <summary>The four 32-bit words drawn for a counter under a key.</summary>
    public static (uint X, uint Y, uint Z, uint W) Draw(ulong key, uint c0, uint c1, uint c2, uint c3)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = (ulong)M0 * c0, p1 = (ulong)M1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += W0;
            k1 += W1;
        }
        return (c0, c1, c2, c3);
    }

    /// <summary>A 64-bit draw.</summary>
    public static ulong Draw64(ulong key, uint c0, uint c1, uint c2, uint c3)
    {
        var (x, y, _, _) = Draw(key, c0, c1, c2, c3);
        return (ulong)y << 32 | x;
    }
}
