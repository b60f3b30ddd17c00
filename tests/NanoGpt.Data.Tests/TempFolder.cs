namespace NanoGpt.Data.Tests;

/// <summary>A folder of one test.</summary>
sealed class TempFolder : IDisposable
{
    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("nanogpt-data-");

    public string Root => folder.FullName;

    public string this[string name] => Path.Combine(Root, name);

    public string Write(string name, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], content);
        return this[name];
    }

    public string Write(string name, string content) => Write(name, System.Text.Encoding.UTF8.GetBytes(content));

    public string WriteTokens(string name, params ushort[] tokens) =>
        Write(name, System.Runtime.InteropServices.MemoryMarshal.AsBytes<ushort>(tokens).ToArray());

    public string[] Files() => [.. Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Root, file)).Order(StringComparer.Ordinal)];

    public void Dispose() => folder.Delete(recursive: true);
}
