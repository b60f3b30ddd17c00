using System.Runtime.InteropServices;

namespace NanoGpt.Data;

/// <summary>The reference pack of the SDK: the assemblies programs compile against and, beside each, its documentation as XML.</summary>
/// <param name="Root">The folder <c>packs/Microsoft.NETCore.App.Ref</c>.</param>
/// <param name="Files">The documentation files of its newest version, in ordinal order of their names.</param>
internal sealed record TargetingPack(string Root, IReadOnlyList<string> Files)
{
    const string Name = "Microsoft.NETCore.App.Ref";

    /// <summary>Where a .NET SDK may be, the most telling place first.</summary>
    public static IEnumerable<string> LikelyRoots()
    {
        IEnumerable<string?> places =
        [
            Environment.GetEnvironmentVariable("DOTNET_ROOT"),
            Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."), // shared/Microsoft.NETCore.App/10.0.0
            .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(RootOfCommand),
            Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "dotnet"),
            Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".dotnet"),
            .. OperatingSystem.IsWindows() ? [] : new[] { "/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet", "/usr/local/share/dotnet" },
        ];
        return places.OfType<string>().Where(Path.IsPathFullyQualified).Select(place => Path.TrimEndingDirectorySeparator(Path.GetFullPath(place))).Distinct();
    }

    /// <summary>The newest pack under the first root that has one.</summary>
    /// <exception cref="FileNotFoundException">No root has one; the message names them all and the other data sets.</exception>
    public static TargetingPack Find(IEnumerable<string> roots)
    {
        var looked = new List<string>();
        foreach (string root in roots.Select(root => Path.Combine(root, "packs", Name)))
        {
            looked.Add(root);
            if (!Directory.Exists(root)) continue;
            foreach (string version in Directory.GetDirectories(root).OrderDescending(Comparer<string>.Create(CompareVersions)))
            {
                string reference = Path.Combine(version, "ref");
                if (!Directory.Exists(reference)) continue;
                foreach (string framework in Directory.GetDirectories(reference).OrderDescending(Comparer<string>.Create(CompareVersions)))
                {
                    string[] files = [.. Directory.GetFiles(framework, "*.xml").Order(StringComparer.Ordinal)];
                    if (files.Length > 0) return new TargetingPack(root, files);
                }
            }
        }
        throw new FileNotFoundException($"The documentation of the .NET SDK was not found in {string.Join(", ", looked)}; " +
            "install the SDK with its targeting packs, or prepare shakespeare_char, or text_char --input FILE.");
    }

    /// <summary>The name of a file within the packs, the same on every machine.</summary>
    public string NameOf(string file) => $"{Name}/{Path.GetRelativePath(Root, file).Replace(Path.DirectorySeparatorChar, '/')}";

    /// <summary>The folder of the <c>dotnet</c> command that a folder of PATH holds, perhaps as a link.</summary>
    static string? RootOfCommand(string folder)
    {
        var command = new FileInfo(Path.Combine(folder, OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));
        return command.Exists ? Path.GetDirectoryName((command.ResolveLinkTarget(returnFinalTarget: true) ?? command).FullName) : null;
    }

    /// <summary>Orders folders named by versions: <c>9.0.10</c> before <c>10.0.0-rc.1</c> before <c>10.0.0</c>; <c>net9.0</c> before <c>net10.0</c>.</summary>
    static int CompareVersions(string a, string b)
    {
        var (versionA, previewA) = Split(a);
        var (versionB, previewB) = Split(b);
        int order = versionA.CompareTo(versionB);
        if (order == 0) order = (previewA.Length == 0).CompareTo(previewB.Length == 0);
        return order != 0 ? order : string.CompareOrdinal(previewA, previewB);

        static (Version, string) Split(string folder)
        {
            string name = Path.GetFileName(folder);
            if (name.StartsWith("net", StringComparison.Ordinal)) name = name[3..];
            int dash = name.IndexOf('-', StringComparison.Ordinal);
            return (Version.TryParse(dash < 0 ? name : name[..dash], out Version? version) ? version : new Version(0, 0), dash < 0 ? "" : name[dash..]);
        }
    }
}
