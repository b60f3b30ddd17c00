namespace NanoGpt.Data;

/// <summary>
/// GPT-2's alphabet of bytes: the files of a byte-level vocabulary show a byte as a character that can be printed, and the
/// first 256 ids are the bytes in the order of these.
/// </summary>
internal static class ByteAlphabet
{
    static readonly char[] character = new char[256];
    static readonly Dictionary<char, byte> value = [];

    static ByteAlphabet()
    {
        int unprinted = 0;
        for (int b = 0; b < 256; b++) character[b] = Prints(b) ? (char)b : (char)(256 + unprinted++);
        Order = [.. Enumerable.Range(0, 256).Select(b => (byte)b).OrderBy(b => character[b])];
        for (int b = 0; b < 256; b++) value.Add(character[b], (byte)b);
    }

    /// <summary>The bytes in the order of their ids.</summary>
    public static byte[] Order { get; }

    /// <summary>How the files show some bytes.</summary>
    public static string Show(ReadOnlySpan<byte> bytes)
    {
        Span<char> text = bytes.Length <= 256 ? stackalloc char[bytes.Length] : new char[bytes.Length];
        for (int i = 0; i < bytes.Length; i++) text[i] = character[bytes[i]];
        return new string(text);
    }

    /// <summary>The bytes that a text of the files shows, or null where it has a character outside the alphabet.</summary>
    public static byte[]? Read(string text)
    {
        var bytes = new byte[text.Length];
        for (int i = 0; i < text.Length; i++)
            if (!value.TryGetValue(text[i], out bytes[i])) return null;
        return bytes;
    }

    static bool Prints(int b) => b is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE;
}
