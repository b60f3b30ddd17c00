namespace NanoGpt.Data;

/// <summary>How a text is cut into words before each is encoded for itself.</summary>
public abstract class SplitPattern
{
    /// <summary>GPT-2's (Radford et al. 2019): words with the space in front of them, numbers, runs of other signs, runs of white space.</summary>
    public static SplitPattern Gpt2 { get; } = new Gpt2Split();

    /// <summary>GPT-4's (cl100k_base): numbers of at most three digits, line ends by themselves, a sign may lead a word.</summary>
    public static SplitPattern Gpt4 { get; } = new Gpt4Split();

    /// <summary>Its name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>The regular expression it follows.</summary>
    public abstract string Regex { get; }

    /// <summary>The end of the word that begins at <paramref name="start"/> of a text in valid UTF-8.</summary>
    internal abstract int End(ReadOnlySpan<byte> text, int start);

    /// <summary><c>\s+(?!\S)|\s+</c>: white space up to the end of the text, or all but its last character, which may belong to the next word; or that one.</summary>
    private protected static int EndOfSpace(ReadOnlySpan<byte> text, int start)
    {
        int end = start, last = start;
        while (end < text.Length && CharClasses.At(text, end, out int length) == CharClass.Space) (last, end) = (end, end + length);
        return end == text.Length || last == start ? end : last;
    }
}

/// <summary><c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c></summary>
file sealed class Gpt2Split : SplitPattern
{
    public override string Name => "gpt2";

    public override string Regex => @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    internal override int End(ReadOnlySpan<byte> text, int start)
    {
        if (text[start] == '\'' && Contraction(text[(start + 1)..]) is var contraction and > 0) return start + 1 + contraction;
        int word = text[start] == ' ' && start + 1 < text.Length ? start + 1 : start;
        var run = CharClasses.At(text, word, out int length);
        return run == CharClass.Space ? EndOfSpace(text, start) : CharClasses.EndOfRun(text, word + length, run);
    }

    static int Contraction(ReadOnlySpan<byte> rest) => rest switch
    {
        [(byte)'s' or (byte)'t' or (byte)'m' or (byte)'d', ..] => 1,
        [(byte)'r' or (byte)'v', (byte)'e', ..] or [(byte)'l', (byte)'l', ..] => 2,
        _ => 0,
    };
}

/// <summary><c>(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</c></summary>
file sealed class Gpt4Split : SplitPattern
{
    public override string Name => "gpt4";

    public override string Regex => @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    internal override int End(ReadOnlySpan<byte> text, int start)
    {
        if (text[start] == '\'' && Contraction(text[(start + 1)..]) is var contraction and > 0) return start + 1 + contraction;
        var first = CharClasses.At(text, start, out int length);
        int next = start + length;
        bool lineEnd = text[start] is (byte)'\r' or (byte)'\n';
        var second = next < text.Length ? CharClasses.At(text, next, out _) : CharClass.Space;
        if (first == CharClass.Letter || !lineEnd && first != CharClass.Number && second == CharClass.Letter)
            return CharClasses.EndOfRun(text, next, CharClass.Letter);
        if (first == CharClass.Number)
        {
            for (int digits = 1; digits < 3 && next < text.Length && CharClasses.At(text, next, out length) == CharClass.Number; digits++) next += length;
            return next;
        }
        if (first == CharClass.Other || text[start] == ' ' && second == CharClass.Other)
        {
            int end = CharClasses.EndOfRun(text, next, CharClass.Other);
            while (end < text.Length && text[end] is (byte)'\r' or (byte)'\n') end++;
            return end;
        }
        int spaces = CharClasses.EndOfRun(text, start, CharClass.Space), lines = text[start..spaces].LastIndexOfAny((byte)'\r', (byte)'\n');
        return lines >= 0 ? start + lines + 1 : EndOfSpace(text, start);
    }

    /// <summary>In either case; the long s (ſ) is an s there, too.</summary>
    static int Contraction(ReadOnlySpan<byte> rest)
    {
        if (rest is [0xC5, 0xBF, ..]) return 2;
        int a = rest.Length > 0 ? rest[0] | 0x20 : 0, b = rest.Length > 1 ? rest[1] | 0x20 : 0;
        return a is 's' or 't' or 'm' or 'd' ? 1 : (a is 'r' or 'v' && b == 'e') || (a == 'l' && b == 'l') ? 2 : 0;
    }
}
