namespace NanoGpt.Data;

/// <summary>The tokens of a document, or of a piece of one, among those of its job.</summary>
/// <param name="Count">How many, the end-of-text token included.</param>
/// <param name="Begins">Whether the document begins with them.</param>
/// <param name="IsVal">Whether its bytes put it into validation.</param>
internal readonly record struct TokenRun(int Count, bool Begins, bool IsVal);

/// <summary>One piece of the corpus on its way from the reader over a worker to the writer. It is used again and again, so memory stays bounded.</summary>
internal sealed class EncodingJob : IDisposable
{
    readonly ManualResetEventSlim done = new();
    Exception? fault;

    public RawChunk Raw { get; } = new();

    public DocumentText Texts { get; } = new();

    public List<int> Ids { get; } = [];

    public List<TokenRun> Runs { get; } = [];

    public DocumentFile? File { get; set; }

    /// <summary>The number of the file, and of this piece in it.</summary>
    public (int File, long Chunk) Place { get; set; }

    /// <summary>Whether its training tokens were written before, so that only validation is wanted.</summary>
    public bool ValOnly { get; set; }

    public void Start(DocumentFile file, (int, long) place)
    {
        Raw.Clear();
        Texts.Clear();
        Ids.Clear();
        Runs.Clear();
        done.Reset();
        (File, Place, ValOnly, fault) = (file, place, false, null);
    }

    /// <summary>Takes the texts out and encodes them.</summary>
    public void Encode(CorpusPlan plan)
    {
        try
        {
            File!.TakeTexts(Raw, Texts);
            foreach (TextPiece piece in Texts.Pieces)
            {
                int before = Ids.Count;
                bool val = Raw.IsVal || (plan.Split is ValSplit.Hashed hashed && hashed.Takes(Texts[piece]));
                if (val || !ValOnly) Encode(piece, plan);
                Runs.Add(new TokenRun(Ids.Count - before, piece.Begins, val));
            }
        }
        catch (Exception e)
        {
            fault = e;
        }
        done.Set();
    }

    /// <summary>Waits until it is encoded.</summary>
    /// <exception cref="InvalidDataException">The piece is malformed; the message names the file and the place.</exception>
    public void Wait(CancellationToken cancellation)
    {
        done.Wait(cancellation);
        if (fault is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(fault);
    }

    public void Dispose() => done.Dispose();

    void Encode(TextPiece piece, CorpusPlan plan)
    {
        if (plan.EndOfTextFirst && piece.Begins && plan.Tokenizer.EndOfText is int first) Ids.Add(first);
        plan.Tokenizer.Encode(Texts[piece], Ids);
        if (!plan.EndOfTextFirst && piece.Ends && plan.Tokenizer.EndOfText is int last) Ids.Add(last);
    }
}
