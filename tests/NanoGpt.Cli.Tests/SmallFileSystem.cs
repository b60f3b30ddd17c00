using System.Diagnostics;

namespace NanoGpt.Cli.Tests;

/// <summary>A file system of a few megabytes in a folder; where it cannot be mounted the test is skipped.</summary>
sealed class SmallFileSystem : IDisposable
{
    readonly string folder;

    public SmallFileSystem(string folder, int megabytes)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "A small file system can be mounted only on Linux.");
        this.folder = folder;
        Directory.CreateDirectory(folder);
        Assert.SkipUnless(Execute("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "tmpfs", folder), "Mounting a small file system takes privileges that are not here.");
    }

    /// <summary>Makes it larger.</summary>
    public void Resize(int megabytes) => Assert.True(Execute("mount", "-o", $"remount,size={megabytes}m", folder));

    public void Dispose() => Execute("umount", folder);

    static bool Execute(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
