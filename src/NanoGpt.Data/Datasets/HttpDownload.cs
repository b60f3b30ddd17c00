using System.Globalization;
using System.Net;
using System.Security.Cryptography;

namespace NanoGpt.Data;

/// <summary>A download failed. The message is the reason, to be put into a sentence.</summary>
internal sealed class DownloadException(string message, bool transient, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>Whether another attempt may succeed.</summary>
    public bool IsTransient { get; } = transient;
}

/// <summary>
/// A file at a public address, known by its length and hash. It is written beside and gets its name only when both are
/// right. What may pass (no answer, a cut connection, a busy server) is tried again, each time after twice the wait.
/// </summary>
internal sealed class HttpDownload(Uri address, long length, string sha256)
{
    public long Length => length;

    public int Attempts { get; init; } = 4;

    public TimeSpan FirstWait { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>The longest silence: to connect, until an answer starts, and between two pieces of it.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether a file is this download.</summary>
    public bool IsAt(string path)
    {
        if (!File.Exists(path) || new FileInfo(path).Length != length) return false;
        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream)) == sha256;
    }

    /// <exception cref="DownloadException">The last attempt failed, or the address serves something else.</exception>
    public void Fetch(string path, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                FetchOnce(path, progress, cancellation).GetAwaiter().GetResult();
                return;
            }
            catch (DownloadException e) when (e.IsTransient && attempt < Attempts)
            {
                cancellation.WaitHandle.WaitOne(FirstWait * (1 << (attempt - 1)));
                cancellation.ThrowIfCancellationRequested();
            }
        }
    }

    async Task FetchOnce(string path, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var client = new HttpClient(new SocketsHttpHandler { ConnectTimeout = Patience }) { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.ParseAdd("nanogpt");
        using var file = new AtomicFile(path);
        try
        {
            patience.CancelAfter(Patience);
            using HttpResponseMessage answer = await client.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, patience.Token).ConfigureAwait(false);
            if (!answer.IsSuccessStatusCode)
                throw new DownloadException($"{address} answered {(int)answer.StatusCode} {answer.ReasonPhrase}", IsBusy(answer.StatusCode));
            using Stream body = await answer.Content.ReadAsStreamAsync(patience.Token).ConfigureAwait(false);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var buffer = new byte[1 << 16];
            long done = 0;
            while (true)
            {
                patience.CancelAfter(Patience);
                int count = await ReadPiece(body, buffer, patience.Token).ConfigureAwait(false);
                if (count == 0) break;
                if ((done += count) > length) throw Foreign($"more than {Bytes(length)}");
                hash.AppendData(buffer, 0, count);
                file.Stream.Write(buffer, 0, count);
                progress?.Report(new PrepareProgress(PrepareStage.Download, done, length));
            }
            if (done != length) throw Foreign($"{Bytes(done)} instead of {Bytes(length)}");
            if (Convert.ToHexStringLower(hash.GetHashAndReset()) != sha256) throw Foreign("other bytes than the known ones");
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new DownloadException($"{address} did not answer within {Patience.TotalSeconds:0.#} seconds", transient: true, e);
        }
        catch (HttpRequestException e)
        {
            throw new DownloadException($"{address.Host} cannot be reached ({e.Message.TrimEnd('.')})", transient: true, e);
        }
        file.Publish();
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

    DownloadException Foreign(string what) => new($"{address} gave {what}, so it is not the file it should be", transient: false);

    static string Bytes(long count) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} bytes");

    static bool IsBusy(HttpStatusCode status) =>
        (int)status >= 500 || status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests;
}
