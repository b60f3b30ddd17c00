using System.Buffers;
using System.Text.Json;

namespace NanoGpt.Training;

/// <summary>
/// <c>metrics.jsonl</c> in <c>out_dir</c>: one JSON object per line, in the order in which things happened, each handed to the
/// operating system at once. Training lines have <c>iter, loss, lr, grad_norm, tokens_per_second, ms</c>, and with several ranks <c>waiting</c>; evaluation lines
/// <c>iter, train_loss, val_loss</c>; HellaSwag
/// <c>iter, hellaswag_acc, hellaswag_acc_norm, hellaswag_items</c>; a skipped update <c>iter, skipped_loss_z, skipped_grad_norm_z</c>. Numbers are the shortest decimals that read back as the same double; what is not finite is null.
/// </summary>
/// <remarks>
/// Iteration N is: evaluate the model after N steps, save it as the checkpoint of N, then do the training step N. A run resumed from
/// the checkpoint of N therefore does the training step N again, but has the evaluation N behind it. <see cref="Resume"/> keeps the
/// training lines with <c>iter</c> &lt; N and the evaluation lines with <c>iter</c> ≤ N, and drops the rest, which a crash lost or an
/// earlier checkpoint left behind. So it does with an evaluation N that is better than the best the checkpoint knows: it was to be saved as the best, and
/// was not. If the evaluation N is kept and the run evaluates again, it gets the same numbers; they are not
/// written twice. So the file of a resumed run equals that of one never stopped, but for the timings.
/// </remarks>
public sealed class MetricsLog : IDisposable
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "metrics.jsonl";

    readonly Stream file;
    readonly ArrayBufferWriter<byte> line = new(256);
    readonly Utf8JsonWriter json;

    MetricsLog(Stream file, int? lastEvaluation)
    {
        (this.file, LastEvaluation) = (file, lastEvaluation);
        json = new Utf8JsonWriter(line);
    }

    /// <summary>The iteration of the last evaluation in the file, if there is one.</summary>
    public int? LastEvaluation { get; private set; }

    /// <summary>A log that nobody reads: for a run that only looks, <c>eval_only</c>, and for all ranks but the first.</summary>
    /// <param name="lastEvaluation">The iteration of the last evaluation that rank 0 has in its file.</param>
    public static MetricsLog None(int? lastEvaluation = null) => new(Stream.Null, lastEvaluation);

    /// <summary>Begins an empty log, replacing one that is there.</summary>
    /// <param name="outDir">The run's <c>out_dir</c>; created if need be.</param>
    public static MetricsLog Start(string outDir)
    {
        Directory.CreateDirectory(outDir);
        return new MetricsLog(Open(Path.Combine(outDir, FileName), FileMode.Create), null);
    }

    /// <summary>Continues the log of a run that resumes from a checkpoint; what the file says of later things is dropped, atomically.</summary>
    /// <param name="outDir">The run's <c>out_dir</c>; created if need be.</param>
    /// <param name="iterNum">The iteration of the checkpoint: <see cref="CheckpointState.IterNum"/>.</param>
    /// <param name="bestValLoss">The smallest validation loss that it knows: <see cref="CheckpointState.BestValLoss"/>.</param>
    /// <exception cref="InvalidDataException">A line other than the last, which a crash may have torn, is not one of these.</exception>
    public static MetricsLog Resume(string outDir, int iterNum, double bestValLoss)
    {
        Directory.CreateDirectory(outDir);
        string path = Path.Combine(outDir, FileName), temporary = path + ".tmp";
        int? lastEvaluation = null;
        if (File.Exists(path))
        {
            using var kept = new MemoryStream();
            lastEvaluation = Keep(path, iterNum, bestValLoss, kept);
            var disk = new DurableDisk();
            disk.WriteFile(temporary, kept.WriteTo);
            disk.MoveFile(temporary, path);
        }
        return new MetricsLog(Open(path, FileMode.Append), lastEvaluation);
    }

    /// <summary>Logs a training step.</summary>
    /// <param name="iter">Its iteration.</param>
    /// <param name="loss">Mean loss over all its micro-batches, in nats per token.</param>
    /// <param name="lr">Its learning rate.</param>
    /// <param name="gradNorm">Global norm of its gradient before clipping.</param>
    /// <param name="tokensPerSecond">Its throughput.</param>
    /// <param name="ms">Its duration in milliseconds.</param>
    /// <param name="waiting">The share of it that rank 0 waited for other ranks; null in a single process.</param>
    public void Training(int iter, double loss, double lr, double gradNorm, double tokensPerSecond, double ms, double? waiting = null)
    {
        ReadOnlySpan<(string, double)> fields = [("iter", iter), ("loss", loss), ("lr", lr), ("grad_norm", gradNorm), ("tokens_per_second", tokensPerSecond), ("ms", ms), ("waiting", waiting ?? 0)];
        Append(waiting is null ? fields[..^1] : fields);
    }

    /// <summary>Logs an evaluation; one that <see cref="Resume"/> kept is not written again.</summary>
    /// <param name="iter">Its iteration.</param>
    /// <param name="trainLoss">Mean loss on the training split, in nats per token.</param>
    /// <param name="valLoss">Mean loss on the validation split, in nats per token.</param>
    public void Evaluation(int iter, double trainLoss, double valLoss)
    {
        if (iter <= LastEvaluation)
            return;
        Append(("iter", iter), ("train_loss", trainLoss), ("val_loss", valLoss));
        LastEvaluation = iter;
    }

    /// <summary>Logs HellaSwag, before the line of the iteration's training step.</summary>
    /// <param name="iter">The iteration.</param>
    /// <param name="accuracy">The part of the items whose likeliest ending is right.</param>
    /// <param name="normalised">The same by the likelihood per token.</param>
    /// <param name="items">How many items there are.</param>
    public void HellaSwag(int iter, double accuracy, double normalised, int items) =>
        Append(("iter", iter), ("hellaswag_acc", accuracy), ("hellaswag_acc_norm", normalised), ("hellaswag_items", items));

    /// <summary>Logs that the update of a step was skipped, after the line of the step.</summary>
    /// <param name="iter">Its iteration.</param>
    /// <param name="lossScore">How far its loss is from the recent ones, in standard deviations.</param>
    /// <param name="normScore">The same of its gradient norm.</param>
    public void Skipped(int iter, double lossScore, double normScore) =>
        Append(("iter", iter), ("skipped_loss_z", lossScore), ("skipped_grad_norm_z", normScore));

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        json.Dispose();
        file.Dispose();
    }

    void Append(params ReadOnlySpan<(string Name, double Value)> fields)
    {
        line.ResetWrittenCount();
        json.Reset();
        json.WriteStartObject();
        foreach (var (name, value) in fields)
        {
            if (double.IsFinite(value))
                json.WriteNumber(name, value);
            else
                json.WriteNull(name);
        }
        json.WriteEndObject();
        json.Flush();
        line.Write("\n"u8);
        file.Write(line.WrittenSpan);       // one write a line: a kill tears at most the last
    }

    static FileStream Open(string path, FileMode mode) =>
        new(path, mode, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

    /// <summary>Copies the lines that stay; returns the iteration of the last evaluation among them.</summary>
    static int? Keep(string path, int iterNum, double bestValLoss, Stream kept)
    {
        int? lastEvaluation = null;
        byte[] bytes = File.ReadAllBytes(path);
        int number = 0;
        for (int start = 0, end; (end = Array.IndexOf(bytes, (byte)'\n', start)) >= 0; start = end + 1)
        {
            number++;
            if (ReadLine(bytes.AsMemory(start..end)) is not (var iter, var valLoss))
            {
                if (end + 1 == bytes.Length)
                    break;
                throw new InvalidDataException($"{path}:{number}: not a line of metrics; repair it, or move the file away to resume without it.");
            }
            if (iter > iterNum || iter == iterNum && !(valLoss >= bestValLoss))
                continue;
            kept.Write(bytes.AsSpan(start..(end + 1)));
            if (valLoss is not null)
                lastEvaluation = iter;
        }
        return lastEvaluation;      // bytes after the last line end are a torn line
    }

    /// <summary>The iteration of a line and, where it is one of an evaluation, the validation loss; null where it is no line of metrics.</summary>
    static (int Iter, double? ValLoss)? ReadLine(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("iter", out var iter) && iter.ValueKind == JsonValueKind.Number && iter.TryGetInt32(out int value)
                ? (value, document.RootElement.TryGetProperty("val_loss", out var loss) ? loss.ValueKind == JsonValueKind.Number ? loss.GetDouble() : double.NaN : null) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
