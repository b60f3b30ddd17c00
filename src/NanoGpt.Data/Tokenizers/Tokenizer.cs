using System.Text;

namespace NanoGpt.Data;

/// <summary>
/// Turns text into token ids and back. Every token stands for a fixed run of UTF-8 bytes, so decoding is the same for
/// every tokenizer: the bytes one after another, read as UTF-8.
/// </summary>
public abstract class Tokenizer
{
    /// <summary>The kind of tokenizer, as <c>meta.json</c> spells it: <c>char</c>, <c>gpt2</c>.</summary>
    public abstract string Name { get; }

    /// <summary>How many tokens there are; ids run from 0 to this, exclusive.</summary>
    public abstract int VocabSize { get; }

    /// <summary>The token between documents, or null where the vocabulary has none.</summary>
    public virtual int? EndOfText => null;

    /// <summary>Identity of the vocabulary: a SHA-256 in hexadecimal. Equal hashes give equal ids.</summary>
    public abstract string Hash { get; }

    /// <summary>The ids of a text.</summary>
    /// <exception cref="ArgumentException">The text holds a character outside the vocabulary; the message names the first.</exception>
    public abstract int[] Encode(string text);

    /// <summary>The ids of a text in which the mark between documents stands for its token, where there is one.</summary>
    /// <exception cref="ArgumentException">The text holds a character outside the vocabulary; the message names the first.</exception>
    public virtual int[] EncodeWithSpecial(string text) => Encode(text);

    /// <summary>Appends the ids of a text in UTF-8.</summary>
    /// <exception cref="ArgumentException">The text holds a character outside the vocabulary; the message names the first.</exception>
    public virtual void Encode(ReadOnlySpan<byte> utf8, List<int> ids) => ids.AddRange(Encode(Encoding.UTF8.GetString(utf8)));

    /// <summary>Writes the files that a <c>meta.json</c> which names this tokenizer needs beside it; most need none.</summary>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public virtual void SaveFiles(string directory) { }

    /// <summary>The UTF-8 bytes of a token, perhaps only a part of a character.</summary>
    /// <exception cref="ArgumentException">There is no such id.</exception>
    public abstract ReadOnlySpan<byte> Utf8(int id);

    /// <summary>The text of some ids. Bytes that form no character become U+FFFD, as Python's <c>errors="replace"</c> has it.</summary>
    /// <exception cref="ArgumentException">An id is outside the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids)
    {
        var decoder = new StreamingDecoder(this);
        var text = new StringBuilder();
        foreach (int id in ids) text.Append(decoder.Append(id));
        return text.Append(decoder.Flush()).ToString();
    }
}
