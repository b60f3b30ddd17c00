using System.Text;

namespace NanoGpt.Data;

/// <summary>Tiny Shakespeare in GPT-2's tokens, as nanoGPT's <c>data/shakespeare</c>: the first nine tenths of the characters are for training, each part encoded by itself.</summary>
internal sealed class Shakespeare : DatasetRecipe
{
    public override string Name => "shakespeare";

    public override string Description => "tiny Shakespeare in GPT-2's tokens, to fine-tune; downloaded, or --input FILE";

    internal override PreparedDataset Prepare(PrepareOptions options, string directory, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        Tokenizer tokenizer = Tokenizers.Open(options.Tokenizer);
        TextCorpus corpus = new ShakespeareChar().Gather(options.Inputs, directory, progress, cancellation);
        var text = new StringBuilder();
        foreach (ReadOnlyMemory<char> piece in corpus.Read(_ => cancellation.ThrowIfCancellationRequested())) text.Append(piece);
        string all = text.ToString();
        int trainLength = (int)(all.Length * 0.9);
        Directory.CreateDirectory(directory);
        using var train = new TokenShardWriter(TokenDataset.PathOf(directory, Split.Train));
        using var val = new TokenShardWriter(TokenDataset.PathOf(directory, Split.Val));
        Encode(tokenizer, all.AsSpan(0, trainLength), train);
        Encode(tokenizer, all.AsSpan(trainLength), val);
        if (train.Count < 2 || val.Count < 2) throw new InvalidDataException($"The text has only {all.Length} characters, too few for training and validation data; give thousands to learn anything.");
        train.Complete();
        val.Complete();
        var meta = new DatasetMeta
        {
            FormatVersion = DatasetMeta.CurrentVersion,
            Dataset = Name,
            Tokenizer = tokenizer.Name,
            VocabSize = tokenizer.VocabSize,
            TokenizerSha256 = tokenizer.Hash,
            TrainTokens = train.Count,
            ValTokens = val.Count,
            TrainSha256 = train.Sha256,
            ValSha256 = val.Sha256,
            Vocabulary = [],
            Sources = corpus.Sources,
        };
        using var metaFile = new AtomicFile(Path.Combine(directory, DatasetMeta.FileName));
        meta.Save(metaFile.Stream);
        metaFile.Complete();
        File.Delete(TokenDataset.PathOf(directory, Split.Val));
        tokenizer.SaveFiles(directory);
        train.Publish();
        metaFile.Publish();
        val.Publish();
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
