using System.Text;

namespace NanoGpt.Data.Tests;

public class BpeTrainerTests
{
    /// <summary>Against counting every pair of the whole text anew for each merge.</summary>
    [Fact]
    public void It_merges_the_most_frequent_pair_and_of_equals_the_first()
    {
        var random = new Random(1);
        for (int round = 0; round < 30; round++)
        {
            string text = string.Concat(Enumerable.Range(0, 400).Select(_ => "aab bc"[random.Next(6)]));
            var trainer = new BpeTrainer(SplitPattern.Gpt2);
            trainer.Add(Encoding.UTF8.GetBytes(text));
            Assert.Equal(Naive(text, 290), trainer.Train(290).Merges);
        }
    }

    [Fact]
    public void What_it_learns_comes_back_from_its_file_and_encodes_any_text()
    {
        using var folder = new TempFolder();
        folder.Write("text.txt", string.Concat(Enumerable.Range(0, 500).Select(i => $"Number {i} isn't 中文 \U0001F600.\n")));
        foreach (var pattern in (SplitPattern[])[SplitPattern.Gpt2, SplitPattern.Gpt4])
        {
            var trained = BpeCorpus.Train([folder["text.txt"]], "text", pattern, 400).Tokenizer;
            TokenizerJson.Save(trained, folder["tokenizer"]);
            var loaded = (BpeTokenizer)Tokenizers.Open(folder["tokenizer"]);
            Assert.Equal(trained.Hash, loaded.Hash);
            Assert.Same(pattern, loaded.Split);
            Assert.Equal(loaded.VocabSize - 1, loaded.EndOfText);
            const string other = "Ünknown 中 text\n\n 12345 <|endoftext|>";
            Assert.Equal(other, loaded.Decode(loaded.Encode(other)));
            Assert.Equal(other, loaded.Decode(loaded.EncodeWithSpecial(other)));
            Assert.Contains(loaded.EndOfText!.Value, loaded.EncodeWithSpecial(other));
        }
    }

    [Fact]
    public void The_sample_of_documents_held_out_is_bounded_and_lies_evenly_over_them()
    {
        const int most = 10_000;
        var sample = new HeldOutSample(most);
        var random = new Random(4);
        for (int document = 0; document < 5000; document++)
            for (int piece = 0; piece < 1 + document % 3; piece++)
            {
                byte[] text = new byte[random.Next(document % 50 == 0 ? 3000 : 20)];
                text.AsSpan().Fill((byte)(document / 20));
                sample.Add(document, text);
                Assert.InRange(sample.Bytes, 0, most);
            }
        Assert.Equal(sample.Bytes, sample.Texts.Sum(text => text.Length));
        Assert.InRange(sample.Bytes, most / 8, most);
        Assert.True(sample.Texts.First()[0] < 25 && sample.Texts.Last()[0] > 225);
        Assert.All(sample.Texts, text => Assert.InRange(text.Length, 1, most / 8));
    }

    [Fact]
    public void Small_samples_are_whole()
    {
        var sample = new HeldOutSample();
        sample.Add(0, "one"u8);
        sample.Add(1, "two"u8);
        sample.Add(1, "three"u8);
        Assert.Equal(["one", "two", "three"], sample.Texts.Select(Encoding.UTF8.GetString));
    }

    [Fact]
    public void A_text_packed_with_zstd_is_refused()
    {
        using var folder = new TempFolder();
        folder.Write("text.txt.zst", "(packed)");
        Assert.Contains("zstd -d", Assert.Throws<ArgumentException>(() => BpeCorpus.Train([folder["text.txt.zst"]], "text", SplitPattern.Gpt2, 300)).Message);
    }

    [Fact]
    public void Text_without_pairs_ends_early()
    {
        var trainer = new BpeTrainer(SplitPattern.Gpt2);
        trainer.Add("a b c"u8);
        Assert.Equal(257, trainer.Train(300).VocabSize);
    }

    static List<BpeMerge> Naive(string text, int vocabSize)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        var words = new List<List<int>>();
        for (int start = 0, end; start < utf8.Length; start = end)
            words.Add([.. utf8[start..(end = SplitPattern.Gpt2.End(utf8, start))].Select(b => Array.IndexOf(ByteAlphabet.Order, b))]);
        var merges = new List<BpeMerge>();
        for (int token = 256; token < vocabSize - 1; token++)
        {
            var pairs = words.SelectMany(w => w.Zip(w.Skip(1))).GroupBy(p => p).Select(g => (Pair: g.Key, Count: g.Count())).Where(p => p.Count > 1).ToArray();
            if (pairs.Length == 0) break;
            var (left, right) = pairs.OrderByDescending(p => p.Count).ThenBy(p => p.Pair.First).ThenBy(p => p.Pair.Second).First().Pair;
            merges.Add(new BpeMerge(left, right, token));
            foreach (var word in words)
                for (int i = 0; i + 1 < word.Count; i++)
                    if (word[i] == left && word[i + 1] == right)
                    {
                        word[i] = token;
                        word.RemoveAt(i + 1);
                    }
        }
        return merges;
    }
}
