using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace NanoGpt.Data;

/// <summary>A download failed. The message is the reason, to be put into a sentence.</summary>
internal sealed class DownloadException(string message, bool transient, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>Whether another attempt may succeed.</summary>
    public bool IsTransient { get; } = transient;
}

/// <summary>
/// A file at a public address, known by its length, and by its hash where that is published. It grows as <c>NAME.part</c>, is read on
/// from there after a break or a restart, and gets its name only when both are right. What may pass (no answer, a cut connection,
/// a busy server) is tried again, each time after twice the wait; an attempt that brought something does not count.
/// </summary>
/// <param name="address">Where it is.</param>
/// <param name="length">Its length in bytes.</param>
/// <param name="sha256">The SHA-256 of its bytes in hexadecimal, or null.</param>
internal sealed class HttpDownload(Uri address, long length, string? sha256)
{
    public long Length => length;

    public int Attempts { get; init; } = 4;

    public TimeSpan FirstWait { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>The longest silence: to connect, until an answer starts, and between two pieces of it.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether a file is this download.</summary>
    public bool IsAt(string path) => File.Exists(path) && new FileInfo(path).Length == length && (sha256 is null || HashOf(path) == sha256);

    /// <exception cref="DownloadException">The last attempt failed, or the address serves something else.</exception>
    public void Fetch(string path, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        string part = path + ".part";
        for (int attempt = 1; ; attempt++)
        {
            long before = LengthOf(part);
            try
            {
                if (before < length || length == 0) FetchOnce(part, before, progress, cancellation).GetAwaiter().GetResult();
                Finish(part, path);
                return;
            }
            catch (DownloadException e) when (e.IsTransient)
            {
                if (LengthOf(part) > before) attempt = 0;
                if (attempt >= Attempts) throw;
                cancellation.WaitHandle.WaitOne(FirstWait * (1 << Math.Max(0, attempt - 1)));
                cancellation.ThrowIfCancellationRequested();
            }
        }
    }

    async Task FetchOnce(string part, long from, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var client = new HttpClient(new SocketsHttpHandler { ConnectTimeout = Patience }) { Timeout = Timeout.InfiniteTimeSpan };
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.UserAgent.ParseAdd("nanogpt");
        if (from > 0) request.Headers.Range = new RangeHeaderValue(from, null);
        try
        {
            patience.CancelAfter(Patience);
            using HttpResponseMessage answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token).ConfigureAwait(false);
            if (!answer.IsSuccessStatusCode)
                throw new DownloadException($"{address} answered {(int)answer.StatusCode} {answer.ReasonPhrase}", IsBusy(answer.StatusCode));
            bool goesOn = answer.StatusCode == HttpStatusCode.PartialContent && answer.Content.Headers.ContentRange?.From == from;
            using Stream body = await answer.Content.ReadAsStreamAsync(patience.Token).ConfigureAwait(false);
            using var file = new FileStream(part, goesOn ? FileMode.Append : FileMode.Create, FileAccess.Write, FileShare.Delete, bufferSize: 0);      // what turns out to be another file is deleted at once
            var buffer = new byte[1 << 16];
            long done = goesOn ? from : 0;
            while (true)
            {
                patience.CancelAfter(Patience);
                int count = await ReadPiece(body, buffer, patience.Token).ConfigureAwait(false);
                if (count == 0) break;
                if ((done += count) > length) throw Foreign(part, $"more than {Bytes(length)}");
                file.Write(buffer, 0, count);
                progress?.Report(new PrepareProgress(PrepareStage.Download, done, length));
            }
            if (done != length) throw Foreign(part, $"{Bytes(done)} instead of {Bytes(length)}");
            file.Flush(flushToDisk: true);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new DownloadException($"{address} did not answer within {Patience.TotalSeconds:0.#} seconds", transient: true, e);
        }
        catch (HttpRequestException e)
        {
            throw new DownloadException($"{address.Host} cannot be reached ({e.Message.TrimEnd('.')})", transient: true, e);
        }
    }

    void Finish(string part, string path)
    {
        if (sha256 is not null && HashOf(part) != sha256) throw Foreign(part, "other bytes than the known ones");
        File.Move(part, path, overwrite: true);
    }

    async Task<int> ReadPiece(Stream body, byte[] buffer, CancellationToken patience)
    {
        try
        {
            return await body.ReadAsync(buffer, patience).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            throw new DownloadException($"the connection to {address.Host} broke ({e.Message.TrimEnd('.')})", transient: true, e);
        }
    }

    /// <summary>What came is another file: there is nothing in it to go on from.</summary>
    DownloadException Foreign(string part, string what)
    {
        File.Delete(part);
        return new($"{address} gave {what}, so it is not the file it should be", transient: false);
    }

    static long LengthOf(string part) => File.Exists(part) ? new FileInfo(part).Length : 0;

    static string HashOf(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    static string Bytes(long count) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} bytes");

    static bool IsBusy(HttpStatusCode status) =>
        (int)status >= 500 || status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests;
}
