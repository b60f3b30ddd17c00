namespace NanoGpt.Data;

/// <summary>What the training of a tokenizer gave.</summary>
/// <param name="Tokenizer">The tokenizer.</param>
/// <param name="Bytes">Bytes of text it was trained on.</param>
/// <param name="Words">Distinct words among them.</param>
/// <param name="HeldOutBytes">Bytes of a sample of the documents that it was not trained on.</param>
/// <param name="HeldOutTokens">Tokens that these become.</param>
public sealed record TrainedBpe(BpeTokenizer Tokenizer, long Bytes, int Words, long HeldOutBytes, long HeldOutTokens);

/// <summary>Trains a tokenizer on files of documents. Every hundredth document is held out, and on a sample of these it is measured how well others are compressed.</summary>
public static class BpeCorpus
{
    const int HeldOutEvery = 100;

    /// <summary>Reads the files, counts their words and learns a vocabulary.</summary>
    /// <param name="inputs">Files, folders and globs of text, JSON lines or Parquet.</param>
    /// <param name="column">The member or column that is the text.</param>
    /// <param name="split">How text is cut into words.</param>
    /// <param name="vocabSize">How many tokens it shall have.</param>
    /// <param name="progress">Hears how far the reading is.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="IOException">An input cannot be found or read.</exception>
    /// <exception cref="InvalidDataException">An input is malformed, or there is no text.</exception>
    /// <exception cref="ArgumentException">The size of the vocabulary is too small, or an input of an unknown kind.</exception>
    public static TrainedBpe Train(IReadOnlyList<string> inputs, string column, SplitPattern split, int vocabSize,
        IProgress<PrepareProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (vocabSize < 257) throw new ArgumentException($"vocab_size is {vocabSize}, but must be at least 257: the bytes and the mark between documents.");
        var files = DocumentFiles.Find(inputs, path => DocumentFiles.KindOf(path) is not null).Select(path => DocumentFiles.Open(path, column)).ToArray();
        var trainer = new BpeTrainer(split);
        var heldOut = new HeldOutSample();
        long bytes = 0, document = 0, before = 0, total = files.Sum(file => file.Bytes);
        RawChunk chunk = new();
        DocumentText texts = new();
        foreach (var file in files)
        {
            using var reader = file.Open();
            for (chunk.Clear(); reader.Read(chunk); chunk.Clear())
            {
                cancellation.ThrowIfCancellationRequested();
                texts.Clear();
                file.TakeTexts(chunk, texts);
                foreach (var piece in texts.Pieces)
                {
                    if (piece.Begins) document++;
                    if (document % HeldOutEvery == 0) heldOut.Add(document / HeldOutEvery - 1, texts[piece]);
                    else
                    {
                        trainer.Add(texts[piece]);
                        bytes += piece.Length;
                    }
                }
                progress?.Report(new(PrepareStage.Count, before + chunk.Position, total));
            }
            before += file.Bytes;
        }
        if (bytes == 0) throw new InvalidDataException($"'{string.Join("', '", inputs)}' holds no text to learn from.");
        var tokenizer = trainer.Train(vocabSize, cancellation: cancellation);
        var ids = new List<int>();
        foreach (byte[] text in heldOut.Texts) tokenizer.Encode(text, ids);
        return new(tokenizer, bytes, trainer.Words, heldOut.Bytes, ids.Count);
    }
}
