using System.Buffers.Binary;

namespace NanoGpt.Data;

/// <summary>
/// The tokens of words seen before, one thread's. A word of up to 15 bytes is its own key, so nothing is allocated and
/// nothing confused; a new word takes the place of an old one that fell into the same slot.
/// </summary>
internal sealed class WordCache
{
    public const int MaxLength = 15, MaxTokens = 4;
    const int Bits = 15;

    struct Entry { public ulong Low, High; public int First, Second, Third, Fourth; }       // tokens that do not exist are -1

    readonly Entry[] entries = new Entry[1 << Bits];        // 1 MB: about a second-level cache

    /// <summary>Appends the tokens of the word [start, end) of a text, if they are known.</summary>
    public bool TryAppend(ReadOnlySpan<byte> text, int start, int end, List<int> ids)
    {
        var (low, high) = Key(text, start, end - start);
        ref readonly Entry entry = ref entries[Slot(low, high)];
        if (entry.Low != low || entry.High != high) return false;
        ids.Add(entry.First);
        if (entry.Second < 0) return true;
        ids.Add(entry.Second);
        if (entry.Third < 0) return true;
        ids.Add(entry.Third);
        if (entry.Fourth >= 0) ids.Add(entry.Fourth);
        return true;
    }

    /// <summary>Keeps the tokens of a word; at most <see cref="MaxTokens"/>.</summary>
    public void Keep(ReadOnlySpan<byte> text, int start, int end, ReadOnlySpan<int> tokens)
    {
        var (low, high) = Key(text, start, end - start);
        entries[Slot(low, high)] = new Entry { Low = low, High = high, First = tokens[0], Second = At(tokens, 1), Third = At(tokens, 2), Fourth = At(tokens, 3) };
    }

    static int At(ReadOnlySpan<int> tokens, int i) => i < tokens.Length ? tokens[i] : -1;

    /// <summary>The bytes of the word, and in the highest byte its length.</summary>
    static (ulong Low, ulong High) Key(ReadOnlySpan<byte> text, int start, int length)
    {
        ulong low, high;
        if (text.Length - start >= 16)
        {
            low = BinaryPrimitives.ReadUInt64LittleEndian(text[start..]);
            high = BinaryPrimitives.ReadUInt64LittleEndian(text[(start + 8)..]);
        }
        else
        {
            Span<byte> padded = stackalloc byte[16];
            padded.Clear();
            text[start..(start + length)].CopyTo(padded);
            low = BinaryPrimitives.ReadUInt64LittleEndian(padded);
            high = BinaryPrimitives.ReadUInt64LittleEndian(padded[8..]);
        }
        if (length < 8) (low, high) = (low & (1UL << 8 * length) - 1, 0);
        else high &= (1UL << 8 * (length - 8)) - 1;
        return (low, high | (ulong)length << 56);
    }

    static int Slot(ulong low, ulong high) => (int)((low * 0x9E3779B97F4A7C15 ^ high * 0xC2B2AE3D27D4EB4F) >> 64 - Bits);
}
