using System.Text.RegularExpressions;

namespace NanoGpt.Data;

/// <summary>A model on Hugging Face, or on the mirror that HF_ENDPOINT names: its weights, its configuration and its tokenizer.</summary>
public static partial class HubModel
{
    /// <summary>Downloads what is not there yet. A file gets its name when it is whole; until then it is <c>NAME.part</c>, from which a later call goes on.</summary>
    /// <param name="repository">The model, <c>owner/name</c>.</param>
    /// <param name="directory">Where the files go.</param>
    /// <param name="watch">Who looks on.</param>
    /// <exception cref="ArgumentException">HF_ENDPOINT holds no address.</exception>
    /// <exception cref="IOException">A file cannot be had; the message says what else can be done.</exception>
    public static void Fetch(string repository, string directory, DownloadWatch watch) =>
        new HubFolder(HubRepository.Model(repository), "", Wanted(), mirror: null).Fetch(directory, null, watch.Announce, watch.Progress, watch.Stop);

    [GeneratedRegex(@"^(config\.json|model\.safetensors|tokenizer\.json)$", RegexOptions.CultureInvariant)]
    private static partial Regex Wanted();
}
