using System.Runtime.InteropServices;
using System.Security.Cryptography;
using NanoGpt.Data;
using NanoGpt.Distributed;
using NanoGpt.Models;
using NanoGpt.Tensors;

namespace NanoGpt.Training;

/// <summary>How well a model predicts a stream of tokens.</summary>
/// <param name="Loss">Mean loss in nats per token.</param>
/// <param name="Predictions">Tokens that were predicted: all of the stream but its first, each once.</param>
/// <param name="Bytes">UTF-8 bytes of the predicted tokens; 0 where nothing says what they mean.</param>
/// <param name="StreamTokens">Tokens of the stream.</param>
/// <param name="StreamSha256">SHA-256 of the stream: its tokens as little-endian uint16, or uint32 where the vocabulary is larger.</param>
public sealed record StreamLossResult(double Loss, long Predictions, long Bytes, long StreamTokens, string StreamSha256)
{
    /// <summary>e to the loss.</summary>
    public double Perplexity => Math.Exp(Loss);

    /// <summary>The loss in bits per byte of text, which compares models of different tokenizers; NaN where the bytes are not known.</summary>
    public double BitsPerByte => Bytes == 0 ? double.NaN : Loss * Predictions / (Math.Log(2) * Bytes);
}

/// <summary>
/// The loss over a whole stream, each token counted once. Windows of the model's context lie side by side, the last as long as is
/// left; with a stride shorter than the context they overlap, and each counts only what no window before it has.
/// </summary>
/// <remarks>
/// The losses are summed in fp64, within each window and then over the windows in the order of the stream, so neither the batch size nor the
/// number of threads or ranks matters.
/// </remarks>
public sealed class StreamLoss(Gpt model, Tape tape, TokenSequence stream, Tokenizer? tokenizer, Communicator? ranks = null)
{
    readonly record struct Window(int Number, long Start, int Length, int Skip);

    readonly Communicator ranks = ranks ?? new SingleProcess();

    /// <summary>Evaluates.</summary>
    /// <param name="batch">Windows that are computed together.</param>
    /// <param name="time">Tokens of a window; 0 is the model's block_size.</param>
    /// <param name="stride">Tokens from one window to the next; 0 is a whole window.</param>
    /// <param name="progress">Hears how many tokens are predicted.</param>
    /// <exception cref="ArgumentException">The stream, the window or the stride does not fit.</exception>
    /// <exception cref="InvalidDataException">A token is outside the model's vocabulary.</exception>
    public StreamLossResult Run(int batch, int time, int stride, Action<long> progress)
    {
        if (time == 0) time = model.Config.BlockSize;
        if (stride == 0) stride = time;
        if (time > model.Config.BlockSize) throw new ArgumentException($"block_size {time} is longer than the model's context of {model.Config.BlockSize}; use --block_size={model.Config.BlockSize} or less.");
        if (stride > time) throw new ArgumentException($"stride {stride} is longer than the window of {time}: tokens would be left out; use --stride={time} or less.");
        if (stream.Count < 2) throw new ArgumentException($"'{stream.Name}' has {stream.Count} tokens, but a prediction takes 2; prepare more text.");
        ranks.Report(-1, "reading the stream", patience: 20);
        stream.Validate(model.Config.VocabSize);
        var sums = new double[Windows(time, stride).Count()];       // each has one rank that knows it, and zeros
        long predicted = 0;
        int groups = 0;
        var group = new List<Window>(batch);
        foreach (var window in Windows(time, stride))
        {
            if (group.Count == batch || group.Count > 0 && group[0].Length != window.Length) Flush();
            group.Add(window);
        }
        Flush();
        ranks.AllReduceSum(sums, "the losses of an evaluation");
        ranks.Report(-1, "reading the stream", patience: 20);
        var (bytes, sha256) = Describe();
        return new(sums.Sum() / predicted, predicted, bytes, stream.Count, sha256);

        void Flush()
        {
            predicted += group.Sum(window => window.Length - window.Skip);
            if (groups++ % ranks.Size == ranks.Rank)
            {
                ranks.Report(-1, "evaluating");
                float[] losses = Losses(group);
                for (int row = 0; row < group.Count; row++)
                    for (int t = group[row].Skip; t < group[row].Length; t++) sums[group[row].Number] += losses[row * group[row].Length + t];
                progress(predicted);
            }
            group.Clear();
        }
    }

    IEnumerable<Window> Windows(int time, int stride)
    {
        long end = stream.Count - 1;
        int number = 0;
        for (long start = 0, counted = 0; counted < end; start += stride)
        {
            int length = (int)Math.Min(time, end - start);
            yield return new(number++, start, length, (int)(counted - start));
            counted = start + length;
        }
    }

    float[] Losses(List<Window> windows)
    {
        int length = windows[0].Length;
        int[] x = new int[windows.Count * length], y = new int[x.Length];
        for (int row = 0; row < windows.Count; row++)
        {
            stream.Read(windows[row].Start, x.AsSpan(row * length, length));
            stream.Read(windows[row].Start + 1, y.AsSpan(row * length, length));
        }
        tape.Recording = false;
        tape.Reset();
        return model.TokenLosses(tape.Tokens(x, windows.Count, length), tape.Tokens(y, windows.Count, length)).ToArray();
    }

    /// <summary>Bytes of all tokens but the first, and the hash of all.</summary>
    (long Bytes, string Sha256) Describe()
    {
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        bool small = model.Config.VocabSize <= 1 << 16;
        var part = new int[1 << 16];
        long bytes = 0;
        for (long start = 0; start < stream.Count; start += part.Length)
        {
            var tokens = part.AsSpan(0, (int)Math.Min(part.Length, stream.Count - start));
            stream.Read(start, tokens);
            if (tokenizer is not null)
                for (int i = start == 0 ? 1 : 0; i < tokens.Length; i++) bytes += tokens[i] < tokenizer.VocabSize ? tokenizer.Utf8(tokens[i]).Length : 0;
            if (small) sum.AppendData(MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(tokens.ToArray(), id => (ushort)id)));
            else sum.AppendData(MemoryMarshal.AsBytes(tokens));
        }
        return (bytes, Convert.ToHexStringLower(sum.GetHashAndReset()));
    }
}
