using System.Text;

namespace NanoGpt.Data;

/// <summary>
/// Decodes ids as they are generated. A character whose bytes are spread over several tokens comes out whole, with the
/// token that completes it.
/// </summary>
public sealed class StreamingDecoder(Tokenizer tokenizer)
{
    readonly Decoder utf8 = Encoding.UTF8.GetDecoder();

    /// <summary>The text that this token completes: often its own, empty in the middle of a character.</summary>
    /// <exception cref="ArgumentException">The id is outside the vocabulary.</exception>
    public string Append(int id) => Convert(tokenizer.Utf8(id), flush: false);

    /// <summary>Ends the text: U+FFFD where a character was left incomplete, empty otherwise.</summary>
    public string Flush() => Convert([], flush: true);

    string Convert(ReadOnlySpan<byte> bytes, bool flush)
    {
        Span<char> chars = stackalloc char[256];
        int needed = utf8.GetCharCount(bytes, flush);
        if (needed > chars.Length) chars = new char[needed];
        return new string(chars[..utf8.GetChars(bytes, chars, flush)]);
    }
}
