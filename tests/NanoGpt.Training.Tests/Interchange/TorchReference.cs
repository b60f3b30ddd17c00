namespace NanoGpt.Training.Tests;

/// <summary>Files that PyTorch wrote, beside the repository.</summary>
static class TorchReference
{
    public static string Find(string name)
    {
        string? root = AppContext.BaseDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "NanoGpt.slnx")))
            root = Path.GetDirectoryName(root);
        string folder = Path.GetFullPath(Path.Combine(root ?? ".", "..", "shared", "data"));
        Assert.SkipUnless(Directory.Exists(folder), $"no test data in {folder}");
        return Path.Combine(folder, "torch_ref", name);
    }
}
