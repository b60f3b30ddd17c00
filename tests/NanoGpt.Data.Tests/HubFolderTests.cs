using System.Text;
using System.Text.RegularExpressions;

namespace NanoGpt.Data.Tests;

public sealed class HubFolderTests : IDisposable
{
    static readonly byte[] Content = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("some bytes\n", 50_000)));

    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    static byte[] Listing(byte[] content, string sha256) => LocalServer.Answer(200, Encoding.ASCII.GetBytes($$$"""
        [{"type": "directory", "path": "sample/10BT", "oid": "x", "size": 0},
         {"type": "file", "path": "sample/10BT/b.txt", "oid": "y", "size": 5},
         {"type": "file", "path": "sample/10BT/000_00000.parquet", "oid": "z", "size": {{{content.Length}}}, "lfs": {"oid": "{{{sha256}}}", "size": {{{content.Length}}}, "pointerSize": 134}}]
        """));

    IReadOnlyList<string> Fetch(LocalServer server) =>
        new HubFolder(HubRepository.Dataset("owner/name"), "sample/10BT", new Regex("\\.parquet$"), server.Address).Fetch(folder["download"], null, null, null, default);

    [Fact]
    public void Listed_files_are_fetched_checked_and_kept()
    {
        using var server = new LocalServer(Listing(Content, Sha256.Of(Content)), LocalServer.Answer(200, Content, sent: 100_000), LocalServer.Range(Content, 100_000), Listing(Content, Sha256.Of(Content)));
        string path = Assert.Single(Fetch(server));
        Assert.Equal(Content, File.ReadAllBytes(path));
        Assert.Contains("GET /datasets/owner/name/resolve/main/sample/10BT/000_00000.parquet", server.LastRequest, StringComparison.Ordinal);
        Fetch(server);
        Assert.Contains("GET /api/datasets/owner/name/tree/main/sample/10BT?recursive=true", server.LastRequest, StringComparison.Ordinal);
        Assert.Equal(4, server.Requests);
        Assert.Equal([Path.Combine("download", "000_00000.parquet")], folder.Files());
    }

    [Fact]
    public void Other_bytes_than_listed_are_refused()
    {
        using var server = new LocalServer(Listing(Content, new string('0', 64)), LocalServer.Answer(200, Content));
        string message = Assert.Throws<IOException>(() => Fetch(server)).Message;
        Assert.All(new[] { "owner/name could not be downloaded", "other bytes", "--mirror", "--input" }, part => Assert.Contains(part, message, StringComparison.Ordinal));
        Assert.Empty(folder.Files());
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("<html>")]
    [InlineData("[{\"type\": \"file\"}]")]
    public void What_is_no_listing_is_refused(string body)
    {
        using var server = new LocalServer(LocalServer.Answer(200, Encoding.ASCII.GetBytes(body)));
        Assert.Contains("could not be downloaded", Assert.Throws<IOException>(() => Fetch(server)).Message, StringComparison.Ordinal);
    }
}
