namespace NanoGpt.Data;

/// <summary>
/// A shuffle that is a function: <see cref="At"/> says which item comes at a place, without a list of all items in memory. A
/// Feistel network permutes the smallest power of four that is large enough; what falls outside is sent through again
/// until it is inside (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002).
/// </summary>
/// <param name="seed">The seed of the run.</param>
/// <param name="epoch">Which pass over the data.</param>
/// <param name="of">What is shuffled: a number of its own for each thing in the run.</param>
/// <param name="count">How many items there are.</param>
readonly struct Permutation(ulong seed, long epoch, uint of, long count)
{
    const uint Tag = 'P' << 24; // sets these draws apart from everything else drawn under the seed of the run
    const int Rounds = 6;

    readonly int half = Math.Max(1, (65 - System.Numerics.BitOperations.LeadingZeroCount((ulong)(count - 1))) / 2); // bits of half a number

    /// <summary>The item at a place; both run from 0 to the count, exclusive.</summary>
    public long At(long place)
    {
        do place = Shuffle(place); while (place >= count);
        return place;
    }

    long Shuffle(long number)
    {
        uint mask = (uint)((1L << half) - 1), left = (uint)(number >> half), right = (uint)number & mask;
        for (uint round = 0; round < Rounds; round++)
            (left, right) = (right, left ^ Philox.Draw(seed, right, of, (uint)epoch, Tag | round).X & mask);
        return (long)left << half | right;
    }
}
