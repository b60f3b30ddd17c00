namespace NanoGpt.Data;

/// <summary>A repository on Hugging Face: where it is, and what a user can do who does not get it.</summary>
/// <param name="Name"><c>owner/name</c>.</param>
/// <param name="Listing">The address below which its files are listed.</param>
/// <param name="Files">The address below which they are.</param>
/// <param name="OtherSource">What to do where it cannot be reached.</param>
/// <param name="OtherPlace">What to do where the disk is full.</param>
internal sealed record HubRepository(string Name, string Listing, string Files, string OtherSource, string OtherPlace)
{
    const string Variable = "HF_ENDPOINT";

    public static HubRepository Dataset(string name) => new(name, $"api/datasets/{name}", $"datasets/{name}",
        "name another address with --mirror, or give files you have with --input", "choose another place with --out, or fewer files with --files");

    public static HubRepository Model(string name) => new(name, $"api/models/{name}", name,
        $"name a mirror with the environment variable {Variable}, or give the folder of weights you have with --init_from", "or choose another place with --pretrained_dir");

    /// <summary>Hugging Face, or the mirror that its own programs would use.</summary>
    /// <exception cref="ArgumentException">The variable holds no address.</exception>
    public static Uri Endpoint()
    {
        string? text = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(text)) return new("https://huggingface.co");
        return Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https" ? address
            : throw new ArgumentException($"{Variable}='{text}' is no address; give one like https://mirror.example.org, or unset it.");
    }
}
