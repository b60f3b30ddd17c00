using System.Text;

namespace NanoGpt.Data;

/// <summary>
/// The text of a JSON string with escapes. Half of a surrogate pair, which JSON allows and UTF-8 does not, becomes U+FFFD,
/// as GPT-2's tokenizers have it.
/// </summary>
internal static class JsonEscapes
{
    /// <summary>Writes the text of a string that a JSON reader has found well-formed.</summary>
    /// <param name="escaped">What is between its quotes.</param>
    /// <param name="destination">As long; the text is never longer.</param>
    /// <returns>How many bytes the text has.</returns>
    public static int Undo(ReadOnlySpan<byte> escaped, Span<byte> destination)
    {
        int length = 0;
        while (true)
        {
            int plain = escaped.IndexOf((byte)'\\');
            if (plain < 0) plain = escaped.Length;
            escaped[..plain].CopyTo(destination[length..]);
            length += plain;
            if (plain == escaped.Length) return length;
            byte kind = escaped[plain + 1];
            escaped = escaped[(plain + 2)..];
            if (kind == 'u') length += Character(ref escaped).EncodeToUtf8(destination[length..]);
            else destination[length++] = kind switch { (byte)'n' => 10, (byte)'t' => 9, (byte)'r' => 13, (byte)'b' => 8, (byte)'f' => 12, _ => kind };
        }
    }

    /// <summary>The character after <c>\u</c>, two of them where they are a pair.</summary>
    static Rune Character(ref ReadOnlySpan<byte> rest)
    {
        char first = Unit(rest);
        rest = rest[4..];
        if (Rune.TryCreate(first, out Rune rune)) return rune;
        if (rest.StartsWith("\\u"u8) && Rune.TryCreate(first, Unit(rest[2..]), out rune))
        {
            rest = rest[6..];
            return rune;
        }
        return Rune.ReplacementChar;
    }

    static char Unit(ReadOnlySpan<byte> digits)
    {
        int value = 0;
        foreach (byte digit in digits[..4]) value = value * 16 + (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        return (char)value;
    }
}
