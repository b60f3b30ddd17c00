using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Utf8Text = System.Text.Unicode.Utf8;

namespace NanoGpt.Data;

/// <summary>
/// Byte-level byte-pair encoding, as GPT-2's (Radford et al. 2019): a text is cut into words, the bytes of a word are merged
/// pair by pair into tokens. Every text can be encoded. Bytes that are no UTF-8 count as U+FFFD, as in tiktoken.
/// </summary>
/// <remarks>Any number of threads may use one instance.</remarks>
public sealed class BpeTokenizer : Tokenizer
{
    /// <summary>The text of the token between documents.</summary>
    public const string EndOfTextMark = "<|endoftext|>";

    static readonly Lazy<BpeTokenizer> gpt2 = new(() => Gpt2Vocabulary.Load());

    readonly ConcurrentBag<WordCache> idle = [];        // a thread that encodes takes one, or makes one
    readonly int[] tokenOfByte = new int[256];
    readonly byte[][] tokens;
    readonly MergeTable table;

    /// <summary>A tokenizer of a vocabulary.</summary>
    /// <param name="name">The kind, for <c>meta.json</c>.</param>
    /// <param name="split">How a text is cut into words.</param>
    /// <param name="tokens">The bytes of every token, by id.</param>
    /// <param name="merges">The merges, first the ones learned first.</param>
    /// <param name="endOfText">The id of <see cref="EndOfTextMark"/>, or null where there is none.</param>
    /// <exception cref="ArgumentException">A byte has no token of its own.</exception>
    internal BpeTokenizer(string name, SplitPattern split, byte[][] tokens, IReadOnlyList<BpeMerge> merges, int? endOfText)
    {
        (Name, Split, this.tokens, Merges, EndOfText) = (name, split, tokens, merges, endOfText);
        Array.Fill(tokenOfByte, -1);
        for (int id = 0; id < tokens.Length; id++)
            if (tokens[id].Length == 1 && id != endOfText) tokenOfByte[tokens[id][0]] = id;
        if (tokenOfByte.IndexOf(-1) is var missing and >= 0) throw new ArgumentException($"The byte 0x{missing:X2} has no token, so this is no byte-level vocabulary.");
        table = new MergeTable(merges);
        Hash = Identity();
    }

    /// <summary>GPT-2's own, with its vocabulary of 50,257 tokens, which is part of this library.</summary>
    public static BpeTokenizer Gpt2 => gpt2.Value;

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int VocabSize => tokens.Length;

    /// <inheritdoc/>
    public override int? EndOfText { get; }

    /// <inheritdoc/>
    public override string Hash { get; }

    /// <summary>How a text is cut into words.</summary>
    public SplitPattern Split { get; }

    internal IReadOnlyList<BpeMerge> Merges { get; }

    /// <summary>A token as the files of byte-level vocabularies show it: each byte as a character that can be printed.</summary>
    /// <exception cref="ArgumentException">There is no such id.</exception>
    public string Shown(int id) => id == EndOfText ? EndOfTextMark : ByteAlphabet.Show(Utf8(id));

    /// <summary>The merges, first the ones learned first, each as two shown tokens with a space between.</summary>
    public IEnumerable<string> ShownMerges => Merges.Select(merge => $"{Shown(merge.Left)} {Shown(merge.Right)}");

    /// <inheritdoc/>
    public override int[] Encode(string text)
    {
        var ids = new List<int>(text.Length / 3 + 1);
        Encode(Encoding.UTF8.GetBytes(text), ids);      // half of a surrogate pair becomes U+FFFD here
        return [.. ids];
    }

    /// <inheritdoc/>
    public override int[] EncodeWithSpecial(string text)
    {
        if (EndOfText is not { } mark) return Encode(text);
        var ids = new List<int>(text.Length / 3 + 1);
        string[] parts = text.Split(EndOfTextMark);
        for (int i = 0; i < parts.Length; i++)
        {
            if (i > 0) ids.Add(mark);
            Encode(Encoding.UTF8.GetBytes(parts[i]), ids);
        }
        return [.. ids];
    }

    /// <inheritdoc/>
    public override void Encode(ReadOnlySpan<byte> utf8, List<int> ids)
    {
        if (!Utf8Text.IsValid(utf8)) utf8 = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(utf8));
        if (!idle.TryTake(out var cache)) cache = new WordCache();
        for (int start = 0; start < utf8.Length;)
        {
            int end = Split.End(utf8, start);
            if (end - start > WordCache.MaxLength) WordMerger.Merge(utf8[start..end], tokenOfByte, table, ids);
            else if (!cache.TryAppend(utf8, start, end, ids))
            {
                int before = ids.Count;
                WordMerger.Merge(utf8[start..end], tokenOfByte, table, ids);
                var made = CollectionsMarshal.AsSpan(ids)[before..];
                if (made.Length <= WordCache.MaxTokens) cache.Keep(utf8, start, end, made);
            }
            start = end;
        }
        idle.Add(cache);
    }

    /// <summary>Writes <c>tokenizer.json</c>, but for <c>gpt2</c>, which every copy of this library has.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public override void SaveFiles(string directory)
    {
        if (Name == "bpe") TokenizerJson.SaveFile(this, directory);
    }

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Utf8(int id) => (uint)id < (uint)tokens.Length
        ? tokens[id]
        : throw new ArgumentException($"Token {id} is outside the vocabulary of {VocabSize} tokens; text and tokenizer do not belong together.");

    string Identity()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"bpe {Split.Regex}\n{EndOfText}\n"));
        foreach (byte[] token in tokens)
        {
            hash.AppendData(BitConverter.GetBytes(token.Length));
            hash.AppendData(token);
        }
        foreach (var merge in Merges) hash.AppendData(MemoryMarshal.AsBytes<int>([merge.Left, merge.Right, merge.Result]));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
