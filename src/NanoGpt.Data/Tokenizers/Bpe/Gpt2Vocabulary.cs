using System.IO.Compression;
using System.Text;

namespace NanoGpt.Data;

/// <summary>
/// GPT-2's vocabulary, which OpenAI published under its modified MIT licence (<c>gpt2.licence.txt</c>). Its 50,257 tokens follow
/// from its merges: 256 bytes, a token for each of 50,000 merges, and the mark between documents.
/// </summary>
/// <remarks>
/// <c>gpt2.merges</c> holds the ids of each merge in <c>vocab.bpe</c>: all left ones, then all right ones, as little-endian
/// 16-bit numbers whose low bytes come first and high bytes after, compressed with zlib.
/// </remarks>
internal static class Gpt2Vocabulary
{
    const int MergeCount = 50_000;

    public static BpeTokenizer Load()
    {
        var bytes = new byte[4 * MergeCount];
        using (var resource = typeof(Gpt2Vocabulary).Assembly.GetManifestResourceStream("gpt2.merges")!)
        using (var unpacked = new ZLibStream(resource, CompressionMode.Decompress))
            unpacked.ReadExactly(bytes);
        var tokens = new List<byte[]>(256 + MergeCount + 1);
        foreach (byte b in ByteAlphabet.Order) tokens.Add([b]);
        var merges = new BpeMerge[MergeCount];
        for (int i = 0; i < MergeCount; i++)
        {
            merges[i] = new BpeMerge(Id(i), Id(i + MergeCount), tokens.Count);
            tokens.Add([.. tokens[merges[i].Left], .. tokens[merges[i].Right]]);
        }
        tokens.Add(Encoding.UTF8.GetBytes(BpeTokenizer.EndOfTextMark));
        return new BpeTokenizer("gpt2", SplitPattern.Gpt2, [.. tokens], merges, endOfText: tokens.Count - 1);

        int Id(int i) => bytes[i] | bytes[2 * MergeCount + i] << 8;
    }
}
