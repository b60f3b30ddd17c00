namespace NanoGpt.Cli.Tests;

/// <summary>The checkout that the tests belong to, and the read-only test data beside it.</summary>
static class Repository
{
    public static string Root { get; } = Find();

    /// <summary>The path of a file of test data, or a skipped test where the folder is absent.</summary>
    public static string SharedData(string name)
    {
        string data = Path.Combine(Path.GetDirectoryName(Root)!, "shared", "data");
        Assert.SkipUnless(Directory.Exists(data), "The folder of shared test data is not on this machine.");
        return Path.Combine(data, name);
    }

    static string Find()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "NanoGpt.slnx"))) directory = directory.Parent!;
        return directory.FullName;
    }
}
