using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NanoGpt.Data.Tests;

public sealed class ShakespeareCharTests : IDisposable
{
    static readonly byte[] Play = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 20_000).Select(i => $"Line {i}: to be or not to be.\n")));

    readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    static HttpDownload Download(Uri address) => new(address, Play.Length, Sha256.Of(Play))
    {
        FirstWait = TimeSpan.FromMilliseconds(1),
        Patience = TimeSpan.FromMilliseconds(300),
    };

    void Fetch(LocalServer server, CancellationToken cancellation = default) => Download(server.Address).Fetch(folder["input.txt"], null, cancellation);

    [Fact]
    public void Tiny_shakespeare_is_byte_equal_to_nanogpts()
    {
        string input = SharedData.PathOf("tinyshakespeare.txt");
        PreparedDataset prepared = Datasets.Prepare("shakespeare_char", [input], folder["data"]);

        // As prepare.py: chars = sorted(list(set(data))), ids are positions, train is data[:int(n*0.9)].
        string text = File.ReadAllText(input);
        char[] characters = [.. text.Distinct().Order()];
        byte[] expected = [.. text.SelectMany(c => BitConverter.GetBytes((ushort)Array.IndexOf(characters, c)))];
        byte[] train = File.ReadAllBytes(Path.Combine(folder["data"], "train.bin")), val = File.ReadAllBytes(Path.Combine(folder["data"], "val.bin"));
        Assert.Equal(65, prepared.Meta.VocabSize);
        Assert.Equal(1_003_854 * 2, train.Length);
        Assert.Equal(111_540 * 2, val.Length);
        Assert.True(expected.AsSpan().SequenceEqual([.. train, .. val]));
        Assert.Equal("6ec305602a99ac2802745a134e1f5e33e2231b4855525b00b9aebb730ac2626f", prepared.Meta.TrainSha256);
        Assert.Equal("d37d30cc0c8327c270d493299c3dca54135f6d5f1c9ef60cda78076e311204b1", prepared.Meta.ValSha256);
        Assert.Empty(prepared.Notes);
    }

    [Theory]
    [InlineData("tinyshakespeare.txt")]
    [InlineData("input.txt")]
    [InlineData("shakespeare_char/tinyshakespeare.txt")]
    [InlineData("shakespeare_char/input.txt")]
    public void The_folder_of_data_sets_is_searched(string name)
    {
        string path = folder.Write($"sets/{name}", "To be, or not to be.");
        TextCorpus corpus = new ShakespeareChar { Folder = folder["sets"] }.Gather([], folder["data"], null, default);
        Assert.Equal("To be, or not to be.", string.Concat(corpus.Read(_ => { })));
        Assert.Equal(Path.GetFullPath(path), Path.GetFullPath(Assert.Single(corpus.Sources).Name));
        Assert.Contains("the usual tiny Shakespeare has 1,115,394", Assert.Single(corpus.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_does_not_exist_is_refused()
    {
        var recipe = new ShakespeareChar { Folder = folder["none"] };
        Assert.Contains("NANOGPT_DATASETS", Assert.Throws<DirectoryNotFoundException>(() => recipe.Gather([], folder["data"], null, default)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_download_is_kept_and_used_again()
    {
        using var server = new LocalServer(LocalServer.Answer(200, Play));
        var recipe = new ShakespeareChar { Folder = null, Download = Download(server.Address) };
        for (int i = 0; i < 2; i++)
        {
            TextCorpus corpus = recipe.Gather([], folder["data"], null, default);
            Assert.Equal(Play.Length, corpus.Read(_ => { }).Sum(piece => piece.Length));
        }
        Assert.Equal(1, server.Requests);
        Assert.Equal([Path.Combine("data", "input.txt")], folder.Files());
    }

    [Fact]
    public void Offline_the_two_other_ways_are_named()
    {
        using var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var address = new Uri($"http://127.0.0.1:{((IPEndPoint)closed.LocalEndpoint).Port}/");
        closed.Stop();
        var recipe = new ShakespeareChar { Folder = null, Download = Download(address) };
        var error = Assert.Throws<IOException>(() => recipe.Gather([], folder["data"], null, default));
        Assert.All(new[] { "cannot be reached", "--input FILE", "NANOGPT_DATASETS" }, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', error.Message);
        Assert.Empty(folder.Files());
    }

    [Fact]
    public void A_busy_server_and_a_cut_connection_are_tried_again()
    {
        using var server = new LocalServer(LocalServer.Answer(503, []), LocalServer.Answer(200, Play, sent: 100_000), LocalServer.Answer(200, Play));
        Fetch(server);
        Assert.Equal(3, server.Requests);
        Assert.Equal(Play, File.ReadAllBytes(folder["input.txt"]));
        Assert.Equal(["input.txt"], folder.Files());
    }

    [Fact]
    public void A_silent_server_is_given_up_and_tried_again()
    {
        using var server = new LocalServer([], LocalServer.Answer(200, Play));
        Fetch(server);
        Assert.Equal(2, server.Requests);
    }

    [Fact]
    public void Four_failures_are_enough()
    {
        using var server = new LocalServer(LocalServer.Answer(200, Play, sent: 0));
        Assert.Contains("broke", Assert.Throws<DownloadException>(() => Fetch(server)).Message, StringComparison.Ordinal);
        Assert.Equal(4, server.Requests);
        Assert.False(File.Exists(folder["input.txt"]));
    }

    [Fact]
    public void A_part_that_belongs_to_another_file_is_given_up()
    {
        folder.Write("input.txt.part", new byte[1000]);
        using var server = new LocalServer(LocalServer.Range(Play, 1000), LocalServer.Answer(200, Play));
        Assert.Contains("other bytes", Assert.Throws<DownloadException>(() => Fetch(server)).Message, StringComparison.Ordinal);
        Assert.Empty(folder.Files());
        Fetch(server);
        Assert.Equal(Play, File.ReadAllBytes(folder["input.txt"]));
    }

    public static TheoryData<byte[], string> Foreign => new()
    {
        { LocalServer.Answer(404, []), "answered 404" },
        { LocalServer.Answer(200, Play[..^1]), $"{Play.Length - 1:N0} bytes instead of {Play.Length:N0} bytes" },
        { LocalServer.Answer(200, [.. Play, 1]), $"more than {Play.Length:N0} bytes" },
        { LocalServer.Answer(200, new byte[Play.Length]), "other bytes" },
    };

    [Theory]
    [MemberData(nameof(Foreign))]
    public void Another_file_is_refused_at_once(byte[] answer, string reason)
    {
        using var server = new LocalServer(answer);
        Assert.Contains(reason, Assert.Throws<DownloadException>(() => Fetch(server)).Message, StringComparison.Ordinal);
        Assert.Equal(1, server.Requests);
        Assert.Empty(folder.Files());
    }

    [Fact]
    public void A_stopped_download_leaves_only_its_part_and_goes_on_from_there()
    {
        using var server = new LocalServer(LocalServer.Answer(200, Play));
        using var stop = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Download(server.Address).Fetch(folder["input.txt"], new Listener(_ => stop.Cancel()), stop.Token));
        Assert.Equal(["input.txt.part"], folder.Files());
        int have = (int)new FileInfo(folder["input.txt.part"]).Length;
        Assert.InRange(have, 1, Play.Length - 1);

        using var second = new LocalServer(LocalServer.Range(Play, have));
        Fetch(second);
        Assert.Contains($"Range: bytes={have}-", second.LastRequest, StringComparison.Ordinal);
        Assert.Equal(Play, File.ReadAllBytes(folder["input.txt"]));
        Assert.Equal(["input.txt"], folder.Files());
    }

    [Fact]
    public void More_than_one_input_is_refused() =>
        Assert.Throws<ArgumentException>(() => Datasets.Prepare("shakespeare_char", ["a", "b"], folder["data"]));
}
