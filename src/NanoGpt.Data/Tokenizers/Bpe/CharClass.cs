using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;

namespace NanoGpt.Data;

/// <summary>What a split pattern asks of a character.</summary>
internal enum CharClass : byte
{
    /// <summary>None of the following.</summary>
    Other,

    /// <summary><c>\p{L}</c>.</summary>
    Letter,

    /// <summary><c>\p{N}</c>.</summary>
    Number,

    /// <summary><c>\s</c>, which is White_Space.</summary>
    Space,
}

/// <summary>The classes of the characters in valid UTF-8.</summary>
internal static class CharClasses
{
    static readonly CharClass[] ascii = [.. Enumerable.Range(0, 128).Select(c => Of(new Rune(c)))];

    /// <summary>The class of the character at a place, and its length in bytes.</summary>
    public static CharClass At(ReadOnlySpan<byte> text, int at, out int length)
    {
        byte first = text[at];
        if (first < 128)
        {
            length = 1;
            return ascii[first];
        }
        Rune.DecodeFromUtf8(text[at..], out Rune rune, out length);
        return Of(rune);
    }

    /// <summary>The end of the run of characters of a class that goes on at a place.</summary>
    public static int EndOfRun(ReadOnlySpan<byte> text, int at, CharClass run)
    {
        if (run == CharClass.Letter) at = EndOfAsciiLetters(text, at);
        while (at < text.Length && At(text, at, out int length) == run) at += length;
        return at;
    }

    /// <summary>Sixteen at a time; the last few of a text are left to the caller.</summary>
    static int EndOfAsciiLetters(ReadOnlySpan<byte> text, int at)
    {
        for (; at + Vector128<byte>.Count <= text.Length; at += Vector128<byte>.Count)
        {
            var lower = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(text), (nuint)at) | Vector128.Create((byte)0x20);
            uint others = ~Vector128.LessThan(lower - Vector128.Create((byte)'a'), Vector128.Create((byte)26)).ExtractMostSignificantBits() & 0xFFFF;
            if (others != 0) return at + BitOperations.TrailingZeroCount(others);
        }
        return at;
    }

    static CharClass Of(Rune rune)
    {
        if (Rune.IsWhiteSpace(rune)) return CharClass.Space;
        return Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => CharClass.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharClass.Number,
            _ => CharClass.Other,
        };
    }
}
