using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace NanoGpt.Data;

/// <summary>
/// One token per character, as nanoGPT's <c>shakespeare_char</c>. A character is a Unicode code point, as in Python,
/// so one outside the basic plane is one token too, although it takes two <see cref="char"/>s.
/// </summary>
public sealed class CharTokenizer : Tokenizer
{
    const int Unknown = -1;

    readonly Rune[] characters;
    readonly byte[][] utf8;
    readonly int[] idOfBasic;                      // by UTF-16 unit: almost every character of almost every text
    readonly Dictionary<int, int> idOfAstral = [];

    /// <summary>A tokenizer whose ids are the positions in a list of characters.</summary>
    /// <exception cref="ArgumentException">An entry is not exactly one character, or appears twice.</exception>
    public CharTokenizer(IEnumerable<string> vocabulary) : this(vocabulary.Select(SingleRune)) { }

    internal CharTokenizer(IEnumerable<Rune> vocabulary)
    {
        characters = [.. vocabulary];
        utf8 = [.. characters.Select(c => Encoding.UTF8.GetBytes(c.ToString()))];
        idOfBasic = new int[char.MaxValue + 1];
        Array.Fill(idOfBasic, Unknown);
        for (int id = 0; id < characters.Length; id++)
        {
            Rune c = characters[id];
            if (IdOf(c) != Unknown) throw new ArgumentException($"The vocabulary has {Describe(c)} twice.");
            if (c.IsBmp) idOfBasic[c.Value] = id;
            else idOfAstral.Add(c.Value, id);
        }
        Hash = Identity(utf8);
    }

    /// <summary>The tokenizer of a text: its distinct characters in the order of their code points.</summary>
    public static CharTokenizer FromText(string text) => new(text.EnumerateRunes().Distinct().Order());

    /// <inheritdoc/>
    public override string Name => "char";

    /// <inheritdoc/>
    public override int VocabSize => characters.Length;

    /// <inheritdoc/>
    public override string Hash { get; }

    /// <summary>The characters in the order of their ids.</summary>
    public IEnumerable<string> Vocabulary => characters.Select(c => c.ToString());

    /// <inheritdoc/>
    public override int[] Encode(string text)
    {
        var ids = new int[text.Length];
        return ids.AsSpan(0, Encode(text, ids)).ToArray();
    }

    /// <summary>Encodes a text that is not cut inside a surrogate pair.</summary>
    /// <param name="text">The text.</param>
    /// <param name="ids">Takes the ids; as long as the text is always enough.</param>
    /// <returns>The number of ids: one per code point.</returns>
    /// <exception cref="ArgumentException">The text holds a character outside the vocabulary; the message names the first.</exception>
    public int Encode(ReadOnlySpan<char> text, Span<int> ids)
    {
        int count = 0;
        for (int i = 0; i < text.Length;)
        {
            int id = idOfBasic[text[i]];
            int length = 1;
            if (id == Unknown)
            {
                bool whole = Rune.DecodeFromUtf16(text[i..], out Rune c, out length) == OperationStatus.Done;
                id = whole ? IdOf(c) : Unknown;
                if (id == Unknown)
                {
                    string name = whole ? Describe(c) : $"the unpaired surrogate U+{(int)text[i]:X4}";
                    throw new ArgumentException($"The text has {name} at character {count}, which is not among the " +
                        $"{VocabSize} characters of the vocabulary; leave it out, or prepare a data set that contains it.");
                }
            }
            ids[count++] = id;
            i += length;
        }
        return count;
    }

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Utf8(int id) => (uint)id < (uint)utf8.Length
        ? utf8[id]
        : throw new ArgumentException($"Token {id} is outside the vocabulary of {VocabSize} characters; text and tokenizer do not belong together.");

    int IdOf(Rune c) => c.IsBmp ? idOfBasic[c.Value] : idOfAstral.GetValueOrDefault(c.Value, Unknown);

    static Rune SingleRune(string entry) =>
        Rune.DecodeFromUtf16(entry, out Rune c, out int length) == OperationStatus.Done && length == entry.Length
            ? c
            : throw new ArgumentException($"The vocabulary entry '{entry}' is not exactly one character.");

    static string Describe(Rune c) => Rune.IsControl(c) ? $"the control character U+{c.Value:X4}" : $"'{c}' (U+{c.Value:X4})";

    static string Identity(byte[][] utf8)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData("char\n"u8);
        foreach (byte[] character in utf8) hash.AppendData(character);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
