using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace NanoGpt.Data;

/// <summary>
/// Some files of a repository on Hugging Face, or on a mirror that answers the same addresses. The listing tells their lengths and
/// SHA-256, so what is downloaded can be checked.
/// </summary>
/// <param name="repository">The repository.</param>
/// <param name="folder">Where in it to look; empty: everywhere.</param>
/// <param name="pattern">Which files, by their path in the repository; they are taken in ordinal order.</param>
/// <param name="mirror">Where to go in place of huggingface.co, or of what HF_ENDPOINT names.</param>
internal sealed class HubFolder(HubRepository repository, string folder, Regex pattern, Uri? mirror)
{
    const int MostPages = 1000;

    readonly Uri root = mirror ?? HubRepository.Endpoint();

    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Downloads the files that are not there yet.</summary>
    /// <param name="directory">Where they go.</param>
    /// <param name="most">How many, the first of the order; null: all.</param>
    /// <param name="announce">Hears what is to be fetched.</param>
    /// <param name="progress">Hears how far it is.</param>
    /// <param name="cancellation">Stops it; what came is kept.</param>
    /// <exception cref="IOException">The listing or a file cannot be had; the message says what else can be done.</exception>
    public IReadOnlyList<string> Fetch(string directory, int? most, Action<string>? announce, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        try
        {
            RemoteFile[] files = [.. List(cancellation).Take(most ?? int.MaxValue)];
            string[] paths = [.. files.Select(file => Path.Combine(directory, Path.GetFileName(file.Path)))];
            long total = files.Sum(file => file.Length), missing = files.Zip(paths).Where(pair => !IsThere(pair.First, pair.Second)).Sum(pair => pair.First.Length);
            announce?.Invoke(string.Create(CultureInfo.InvariantCulture, $"{repository.Name} has {files.Length:N0} files to read, {total / 1e9:0.00} GB; {missing / 1e9:0.00} GB are still to be downloaded to {directory}"));
            Directory.CreateDirectory(directory);
            CheckSpace(directory, missing);
            long before = 0;
            foreach (var (file, path) in files.Zip(paths))
            {
                long start = before;
                var share = progress is null ? null : new Share(progress, start, total);
                if (!IsThere(file, path)) new HttpDownload(file.Address, file.Length, file.Sha256).Fetch(path, share, cancellation);
                before += file.Length;
            }
            return paths;
        }
        catch (DownloadException e)
        {
            throw new IOException($"{repository.Name} could not be downloaded: {e.Message}; run the command again to go on, {repository.OtherSource}.", e);
        }
    }

    /// <summary>Whether a file was fetched and checked before: it has its name only then.</summary>
    static bool IsThere(RemoteFile file, string path) => File.Exists(path) && new FileInfo(path).Length == file.Length;

    List<RemoteFile> List(CancellationToken cancellation)
    {
        using var client = new HttpClient { Timeout = Patience };
        client.DefaultRequestHeaders.UserAgent.ParseAdd("nanogpt");
        var files = new List<RemoteFile>();
        Uri? page = new(root, $"{repository.Listing}/tree/main{(folder.Length > 0 ? $"/{folder}" : "")}?recursive=true");
        for (int i = 0; page is not null && i < MostPages; i++) page = ListPage(client, page, files, cancellation);
        files.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        return files.Count > 0 ? files : throw new DownloadException($"{root.Host} lists no file like {pattern} in {repository.Name}/{folder}", transient: false);
    }

    Uri? ListPage(HttpClient client, Uri page, List<RemoteFile> files, CancellationToken cancellation)
    {
        try
        {
            using HttpResponseMessage answer = Retry(() => client.GetAsync(page, cancellation), cancellation);
            if (!answer.IsSuccessStatusCode) throw new DownloadException($"{page} answered {(int)answer.StatusCode} {answer.ReasonPhrase}", transient: false);
            using var list = JsonDocument.Parse(answer.Content.ReadAsStream(cancellation));
            foreach (JsonElement entry in list.RootElement.EnumerateArray())
            {
                string path = entry.GetProperty("path").GetString()!;
                if (entry.GetProperty("type").GetString() != "file" || !pattern.IsMatch(path)) continue;
                bool large = entry.TryGetProperty("lfs", out JsonElement lfs) && lfs.ValueKind == JsonValueKind.Object;
                var address = new Uri(root, $"{repository.Files}/resolve/main/{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}");
                files.Add(new RemoteFile(path, address, entry.GetProperty("size").GetInt64(), large ? lfs.GetProperty("oid").GetString() : null));
            }
            return Next(answer);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new DownloadException($"{page} gave no listing of files", transient: false, e);
        }
    }

    static HttpResponseMessage Retry(Func<Task<HttpResponseMessage>> ask, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                HttpResponseMessage answer = ask().GetAwaiter().GetResult();
                if ((int)answer.StatusCode is not (>= 500 or 429) || attempt == 4) return answer;
                answer.Dispose();
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellation.IsCancellationRequested)
            {
                if (attempt == 4) throw new DownloadException($"the listing cannot be had ({e.Message.TrimEnd('.')})", transient: true, e);
            }
            cancellation.WaitHandle.WaitOne(TimeSpan.FromSeconds(0.5 * (1 << (attempt - 1))));
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>The address of the next page, from a header <c>Link: &lt;address&gt;; rel="next"</c>.</summary>
    Uri? Next(HttpResponseMessage answer)
    {
        if (!answer.Headers.TryGetValues("Link", out IEnumerable<string>? links)) return null;
        Match next = Regex.Match(string.Join(',', links), "<([^>]*)>; *rel=\"next\"");
        return next.Success ? new Uri(root, next.Groups[1].Value) : null;
    }

    void CheckSpace(string directory, long needed)
    {
        if (FreeSpace.Of(directory) is { } free && free < needed)
            throw new IOException(string.Create(CultureInfo.InvariantCulture, $"'{directory}' needs {needed / 1e9:0.00} GB for the download, but only {free / 1e9:0.00} GB are free; make room, {repository.OtherPlace}."));
    }

    sealed record RemoteFile(string Path, Uri Address, long Length, string? Sha256);

    /// <summary>The progress of one file as a part of all.</summary>
    sealed class Share(IProgress<PrepareProgress> all, long before, long total) : IProgress<PrepareProgress>
    {
        public void Report(PrepareProgress value) => all.Report(value with { Done = before + value.Done, Total = total });
    }
}
