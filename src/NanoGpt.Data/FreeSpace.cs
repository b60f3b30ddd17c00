namespace NanoGpt.Data;

/// <summary>How much room there is where a folder is, or will be.</summary>
public static class FreeSpace
{
    /// <summary>The folder, or the nearest above it that exists; null on a drive that is not there.</summary>
    public static string? NearestFolder(string folder)
    {
        string? path = Path.GetFullPath(folder);
        while (path is not null && !Directory.Exists(path)) path = Path.GetDirectoryName(path);
        return path;
    }

    /// <summary>The bytes that are free there; null where the system does not tell, as of a share on a network.</summary>
    public static long? Of(string folder)
    {
        try
        {
            return NearestFolder(folder) is { } path ? new DriveInfo(path).AvailableFreeSpace : null;
        }
        catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
