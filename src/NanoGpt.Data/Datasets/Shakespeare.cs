using System.Text;

namespace NanoGpt.Data;

/// <summary>Tiny Shakespeare in GPT-2's tokens, as nanoGPT's <c>data/shakespeare</c>: the first nine tenths of the characters are for training, each part encoded by itself.</summary>
internal sealed class Shakespeare : DatasetRecipe
{
    public override string Name => "shakespeare";

    public override string Description => "tiny Shakespeare in GPT-2's tokens, to fine-tune; downloaded, or --input FILE";

    public override IReadOnlyList<string> Options => ["--tokenizer"];

    internal override PreparedDataset Prepare(PrepareOptions options, string directory, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        Tokenizer tokenizer = Tokenizers.Open(options.Tokenizer);
        TextCorpus corpus = new ShakespeareChar().Gather(options.Inputs, directory, progress, cancellation);
        var text = new StringBuilder();
        foreach (ReadOnlyMemory<char> piece in corpus.Read(_ => cancellation.ThrowIfCancellationRequested())) text.Append(piece);
        string all = text.ToString();
        var characters = all.EnumerateRunes();        // as Python counts them, so that none is cut in two
        int trainLength = characters.Take((int)(characters.Count() * 0.9)).Sum(rune => rune.Utf16SequenceLength);
        using var files = new TrainAndVal(directory);
        Encode(tokenizer, all.AsSpan(0, trainLength), files.Train);
        Encode(tokenizer, all.AsSpan(trainLength), files.Val);
        if (files.Train.Count < 2 || files.Val.Count < 2) throw new InvalidDataException($"The text has only {all.Length} characters, too few for training and validation data; give thousands to learn anything.");
        DatasetMeta meta = files.Publish(Name, tokenizer, corpus.Sources, cancellation);
        return new PreparedDataset(directory, meta, corpus.Notes);
    }

    static void Encode(Tokenizer tokenizer, ReadOnlySpan<char> text, TokenShardWriter shard)
    {
        var ids = new List<int>();
        byte[] utf8 = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, utf8);
        tokenizer.Encode(utf8, ids);
        shard.Write(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ids));
    }
}
