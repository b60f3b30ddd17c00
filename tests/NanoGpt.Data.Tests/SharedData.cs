namespace NanoGpt.Data.Tests;

/// <summary>The read-only test data beside the repository.</summary>
static class SharedData
{
    /// <summary>The path of a file, or a skipped test where the folder is absent.</summary>
    public static string PathOf(string name)
    {
        string? folder = Folder();
        Assert.SkipUnless(folder is not null, "The folder of shared test data is not on this machine.");
        return Path.Combine(folder, name);
    }

    static string? Folder()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "NanoGpt.slnx"))) directory = directory.Parent;
        if (directory?.Parent is null) return null;
        string data = Path.Combine(directory.Parent.FullName, "shared", "data");
        return Directory.Exists(data) ? data : null;
    }
}
