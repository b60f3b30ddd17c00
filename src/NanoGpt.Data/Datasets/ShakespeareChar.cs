using System.Globalization;

namespace NanoGpt.Data;

/// <summary>
/// Tiny Shakespeare, the text of Karpathy's char-rnn: from a file the user names, from a folder of data sets, from an
/// earlier download, or from its public address.
/// </summary>
internal sealed class ShakespeareChar : CharDatasetRecipe
{
    /// <summary>The environment variable that names a folder of data sets.</summary>
    public const string FolderVariable = "NANOGPT_DATASETS";

    public override string Name => "shakespeare_char";

    public override string Description => "tiny Shakespeare, 1.1 MB, character by character; downloaded, or from --input FILE";

    /// <summary>A folder with <c>tinyshakespeare.txt</c> or <c>input.txt</c>, or null.</summary>
    public string? Folder { get; init; } = Environment.GetEnvironmentVariable(FolderVariable);

    public HttpDownload Download { get; init; } = new(
        new Uri("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"),
        length: 1_115_394, sha256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed");

    internal override TextCorpus Gather(IReadOnlyList<string> inputs, string directory, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        if (inputs.Count > 1) throw new ArgumentException($"{Name} is made of one file, but --input names {inputs.Count}; use text_char for several.");
        string? local = inputs.Count == 1 ? inputs[0] : FindInFolder();
        if (local is not null)
        {
            var given = new Utf8Corpus([local]);
            if (given.Bytes != Download.Length)
                given.AddNote(string.Create(CultureInfo.InvariantCulture, $"'{local}' has {given.Bytes:N0} bytes; the usual tiny Shakespeare has {Download.Length:N0}, so losses will not compare."));
            return given;
        }
        string downloaded = Path.Combine(directory, "input.txt"); // where nanoGPT keeps it
        if (!Download.IsAt(downloaded)) Fetch(downloaded, progress, cancellation);
        return new Utf8Corpus([downloaded]);
    }

    void Fetch(string path, IProgress<PrepareProgress>? progress, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        try
        {
            Download.Fetch(path, progress, cancellation);
        }
        catch (DownloadException e)
        {
            throw new IOException($"Tiny Shakespeare could not be downloaded: {e.Message}; give the file with --input FILE, " +
                $"or put it as tinyshakespeare.txt into a folder named by the environment variable {FolderVariable}.", e);
        }
    }

    string? FindInFolder()
    {
        if (string.IsNullOrEmpty(Folder)) return null;
        if (!Directory.Exists(Folder))
            throw new DirectoryNotFoundException($"{FolderVariable} names '{Folder}', which is no folder; correct it, or unset it to download.");
        return new[] { Folder, Path.Combine(Folder, Name) }
            .SelectMany(folder => new[] { Path.Combine(folder, "tinyshakespeare.txt"), Path.Combine(folder, "input.txt") })
            .FirstOrDefault(File.Exists);
    }
}
