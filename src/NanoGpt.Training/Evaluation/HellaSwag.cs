using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using NanoGpt.Data;
using NanoGpt.Distributed;
using NanoGpt.Models;
using NanoGpt.Tensors;

namespace NanoGpt.Training;

/// <summary>A text and four ways to go on, of which one is right.</summary>
/// <param name="Row">Its number among the items, from 0.</param>
/// <param name="Line">Its line in the file, from 1.</param>
/// <param name="Context">Tokens of the text.</param>
/// <param name="Endings">Tokens of each ending, with a space in front.</param>
/// <param name="Label">Which is right.</param>
public sealed record HellaSwagItem(int Row, int Line, int[] Context, int[][] Endings, int Label);

/// <summary>What a model makes of an item.</summary>
/// <param name="Row">The item's number, from 0.</param>
/// <param name="Label">Which ending is right.</param>
/// <param name="Sums">The loss of each ending, summed over its tokens.</param>
/// <param name="Means">The same, per token.</param>
public sealed record HellaSwagResult(int Row, int Label, double[] Sums, double[] Means)
{
    /// <summary>Whether the likeliest ending is right.</summary>
    public bool Right => Array.IndexOf(Sums, Sums.Min()) == Label;

    /// <summary>Whether the ending that is likeliest per token is right.</summary>
    public bool RightPerToken => Array.IndexOf(Means, Means.Min()) == Label;
}

/// <summary>
/// HellaSwag (Zellers et al. 2019) as build-nanogpt scores it: the ending with the smallest loss is the model's choice. <c>acc</c> sums
/// the losses over the ending's tokens, <c>acc_norm</c> takes their mean.
/// </summary>
/// <remarks>
/// Items whose contexts are equally long are computed together. A context is read once, into a cache; its four endings then go on
/// from copies of that. What is computed together depends on the items alone, not on who shares them or on what was done before; so the
/// losses are the same to the bit with any number of ranks.
/// </remarks>
public sealed class HellaSwag
{
    const int EndingCount = 4;

    /// <summary>Items that are computed together, at most, and tokens that these put into caches: 300 MB for GPT-2 124M.</summary>
    const int Batch = 16, BatchTokens = 4096;

    static readonly UTF8Encoding strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    readonly List<HellaSwagItem> items;

    HellaSwag(string path, List<HellaSwagItem> items) => (Path, this.items) = (path, items);

    /// <summary>Where it was loaded from.</summary>
    public string Path { get; }

    /// <summary>The items, in the order of the file.</summary>
    public IReadOnlyList<HellaSwagItem> Items => items;

    /// <summary>
    /// Loads items from JSON lines with <c>ctx</c>, <c>endings</c> and <c>label</c>, which is a number in the official file and a text in others; also
    /// compressed with gzip. Other fields are passed over.
    /// </summary>
    /// <param name="path">The official <c>hellaswag_val.jsonl</c>, or a file like it.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="limit">How many items at most, from the beginning; 0 is all.</param>
    /// <exception cref="IOException">There is no such file, or it cannot be read.</exception>
    /// <exception cref="InvalidDataException">A line is not an item; the message names it.</exception>
    /// <exception cref="ArgumentException">A character is outside the vocabulary.</exception>
    public static HellaSwag Load(string path, Tokenizer tokenizer, int limit = 0)
    {
        if (Directory.Exists(path)) throw new InvalidDataException($"'{path}' is a directory; give the file hellaswag_val.jsonl.");
        if (!File.Exists(path)) throw new FileNotFoundException($"There is no '{path}'; give the file hellaswag_val.jsonl with --hellaswag.", path);
        using Stream file = File.OpenRead(path);
        using var reader = new StreamReader(path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file, strict);
        var items = new List<HellaSwagItem>();
        for (int number = 1; (limit == 0 || items.Count < limit) && Line(reader, path, number) is { } line; number++)
            if (!string.IsNullOrWhiteSpace(line)) items.Add(Item(line, items.Count, number, path, tokenizer));
        return items.Count > 0 ? new(path, items) : throw new InvalidDataException($"'{path}' has no items; give the file hellaswag_val.jsonl.");
    }

    static string? Line(StreamReader reader, string path, int number)
    {
        try
        {
            return reader.ReadLine();
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"'{path}' is no whole gzip file: it cannot be unpacked at line {number} ({e.Message.TrimEnd('.')}); get it again.", e);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidDataException($"'{path}' is not UTF-8 at about line {number}; give the file hellaswag_val.jsonl as it was published.", e);
        }
    }

    static HellaSwagItem Item(string line, int row, int number, string path, Tokenizer tokenizer)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            int[] context = tokenizer.Encode(TextOf(root.GetProperty("ctx")));
            int[][] endings = [.. root.GetProperty("endings").EnumerateArray().Select(ending => tokenizer.Encode(" " + TextOf(ending)))];
            var answer = root.GetProperty("label");
            int label = answer.ValueKind == JsonValueKind.String && int.TryParse(answer.GetString(), CultureInfo.InvariantCulture, out int parsed) ? parsed : answer.GetInt32();
            if (context.Length == 0) throw new FormatException("ctx is empty");
            if (endings.Length != EndingCount) throw new FormatException($"it has {endings.Length} endings, not {EndingCount}");
            if (label is < 0 or >= EndingCount) throw new FormatException($"label is {label}");
            return new(row, number, context, endings, label);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"'{path}' line {number} is not a HellaSwag item ({e.Message.TrimEnd('.')}); it needs ctx, four endings and a label.", e);
        }
    }

    static string TextOf(JsonElement text) => text.GetString() ?? throw new FormatException("a text is null");

    /// <summary>Scores items one by one as they are done, those with long contexts first. The ranks take a batch each at a time, and every rank gets all results.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tape">The memory it computes in.</param>
    /// <param name="done">Rows that are left out; the same on every rank.</param>
    /// <param name="ranks">Who shares the items; a single process where left out.</param>
    /// <param name="stop">Stops between batches.</param>
    /// <exception cref="InvalidDataException">An ending is longer than the model's context.</exception>
    /// <exception cref="OperationCanceledException">Some rank was asked to stop; thrown on all of them.</exception>
    public IEnumerable<HellaSwagResult> Score(Gpt model, Tape tape, IReadOnlySet<int> done, Communicator? ranks = null, CancellationToken stop = default)
    {
        ranks ??= new SingleProcess();
        foreach (var round in Batches(model.Config.BlockSize).Where(batch => batch.Any(item => !done.Contains(item.Row))).Chunk(ranks.Size))
        {
            HellaSwagItem[] all = [.. round.SelectMany(batch => batch)];
            var losses = new double[all.Length * EndingCount + 1];      // each has one rank that knows it, and zeros; the last: who was stopped
            if (stop.IsCancellationRequested) losses[^1] = 1;
            else if (ranks.Rank < round.Length)
            {
                ranks.Report(ranks.Step, "evaluating");
                Losses(model, tape, round[ranks.Rank]).CopyTo(losses, round.Take(ranks.Rank).Sum(batch => batch.Length) * EndingCount);
            }
            ranks.AllReduceSum(losses, "the losses of HellaSwag");
            if (losses[^1] > 0) throw new OperationCanceledException(stop);
            for (int i = 0; i < all.Length; i++)
                if (!done.Contains(all[i].Row)) yield return Result(all[i], losses[(i * EndingCount)..((i + 1) * EndingCount)]);
        }
    }

    static HellaSwagResult Result(HellaSwagItem item, double[] sums) => new(item.Row, item.Label, sums, [.. sums.Select((sum, e) => sum / item.Endings[e].Length)]);

    /// <summary>All items in batches that are computed together.</summary>
    IEnumerable<HellaSwagItem[]> Batches(int block)
    {
        foreach (var equal in items.Select(item => Cropped(item, block)).GroupBy(item => item.Context.Length).OrderByDescending(g => g.Key))
        {
            int most = BatchTokens / (EndingCount * (equal.Key + equal.Max(item => item.Endings.Max(e => e.Length))));
            foreach (var batch in equal.OrderBy(item => item.Endings.Max(e => e.Length)).Chunk(Math.Clamp(most, 1, Batch))) yield return batch;
        }
    }

    /// <summary>Checks that every ending fits into a model's context.</summary>
    /// <exception cref="InvalidDataException">One does not; the message names its line.</exception>
    public void CheckBlockSize(int blockSize)
    {
        foreach (HellaSwagItem item in items) Cropped(item, blockSize);
    }

    /// <summary>An item that is longer than the model's context loses the beginning of its text.</summary>
    HellaSwagItem Cropped(HellaSwagItem item, int block)
    {
        int room = block - item.Endings.Max(ending => ending.Length) + 1;       // the last token of an ending is only predicted
        if (room < 1) throw new InvalidDataException($"'{Path}' line {item.Line} has an ending of {item.Endings.Max(e => e.Length)} tokens, but the model's context is {block}; a larger model is needed.");
        return item.Context.Length <= room ? item : item with { Context = item.Context[^room..] };
    }

    /// <summary>
    /// All but the last token of each context goes into a cache. From there each ending goes on: the last token of the context and all
    /// but the last of the ending predict the ending. Returns the loss of each ending, summed over its tokens.
    /// </summary>
    static double[] Losses(Gpt model, Tape tape, HellaSwagItem[] batch)
    {
        int read = batch[0].Context.Length - 1, longest = batch.Max(item => item.Endings.Max(ending => ending.Length)), rows = batch.Length * EndingCount;
        int[] ids = new int[rows * longest], targets = new int[rows * longest];
        Array.Fill(targets, -1);
        for (int row = 0; row < rows; row++)
        {
            var (item, ending) = (batch[row / EndingCount], batch[row / EndingCount].Endings[row % EndingCount]);
            ids[row * longest] = item.Context[^1];
            ending.AsSpan(0, ending.Length - 1).CopyTo(ids.AsSpan(row * longest + 1));
            ending.CopyTo(targets, row * longest);
        }

        tape.Recording = false;
        tape.Reset();
        using var contexts = model.NewCache(tape.Device, batch.Length, read + longest);
        if (read > 0) model.Read(tape.Tokens([.. batch.SelectMany(item => item.Context[..read])], batch.Length, read), contexts);
        using var copies = contexts.Repeat(EndingCount);
        tape.Reset();
        float[] losses = model.TokenLosses(tape.Tokens(ids, rows, longest), tape.Tokens(targets, rows, longest), copies).ToArray();
        return [.. Enumerable.Range(0, rows).Select(row => losses.AsSpan(row * longest, longest).ToArray().Sum(loss => (double)loss))];
    }
}
