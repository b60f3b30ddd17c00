using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NanoGpt.Data.Tests;

/// <summary>An HTTP server on this machine that answers each connection with the next of some byte strings, then closes it; the last is repeated, an empty one is silence.</summary>
sealed class LocalServer : IDisposable
{
    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    readonly byte[][] answers;
    readonly Task serving;

    public LocalServer(params byte[][] answers)
    {
        this.answers = answers;
        listener.Start();
        serving = Serve();
    }

    public int Requests { get; private set; }

    /// <summary>The head of the last request.</summary>
    public string LastRequest { get; private set; } = "";

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/input.txt");

    /// <summary>An answer with a status and a body, of which perhaps only a part is sent.</summary>
    public static byte[] Answer(int status, byte[] body, int? sent = null) =>
        [.. Encoding.ASCII.GetBytes($"HTTP/1.1 {status} Status\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n"), .. body.AsSpan(0, sent ?? body.Length)];

    /// <summary>The rest of a body, as an answer to a request for it.</summary>
    public static byte[] Range(byte[] body, int from) =>
        [.. Encoding.ASCII.GetBytes($"HTTP/1.1 206 Partial Content\r\nContent-Length: {body.Length - from}\r\nContent-Range: bytes {from}-{body.Length - 1}/{body.Length}\r\nConnection: close\r\n\r\n"), .. body.AsSpan(from)];

    public void Dispose()
    {
        listener.Stop();
        serving.Wait();
        listener.Dispose();
    }

    async Task Serve()
    {
        var connections = new List<Task>();
        try
        {
            while (true) connections.Add(Respond(await listener.AcceptTcpClientAsync()));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(connections);
        }
    }

    async Task Respond(TcpClient client)
    {
        using TcpClient connection = client;
        byte[] answer = answers[Math.Min(Requests++, answers.Length - 1)];
        NetworkStream stream = connection.GetStream();
        var request = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            while (!request.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
            {
                int count = await stream.ReadAsync(buffer);
                if (count == 0) return;
                request.Append(Encoding.ASCII.GetString(buffer, 0, count));
            }
            LastRequest = request.ToString();
            if (answer.Length == 0) await stream.CopyToAsync(Stream.Null); // silence, until the client has had enough
            await stream.WriteAsync(answer);
        }
        catch (IOException)
        {
            // The client has gone.
        }
    }
}
