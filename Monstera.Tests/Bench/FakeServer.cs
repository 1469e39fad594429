using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Monstera.Tests.Bench;

/// <summary>A message as a client of <see cref="FakeServer"/> sent it.</summary>
internal sealed record FakeSend(int Client, string InvocationId, string ClientId, string Text);

/// <summary>
/// The least of a server that the load generator takes for Monstera (or, when plain, for the baseline): one room in memory. It is honest unless a test gives it another way to
/// write or to order, so each broken promise is one line in the test that breaks it.
/// </summary>
internal sealed class FakeServer : IAsyncDisposable
{
    public const string Room = "5eed5eed-0000-7000-8000-00000000000a";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Lock _gate = new();
    private readonly SortedDictionary<int, Client> _clients = [];
    private readonly List<Task> _running = [];

    public FakeServer()
    {
        _listener.Start();
        _running.Add(Accept());
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Speaks as the baseline does: no numbers, no acknowledgements.</summary>
    public bool IsPlain { get; init; }

    /// <summary>Events of the log, as they stand on the wire; the first has the seq 1.</summary>
    public List<string> Log { get; } = [];

    /// <summary>What is written to a client, by its number, in the place of a record.</summary>
    public Func<int, string, IEnumerable<string>> Write { get; init; } = (_, record) => [record];

    /// <summary>What comes into the log when this is sent.</summary>
    public Func<FakeSend, IEnumerable<FakeSend>> Order { get; init; } = send => [send];

    public static string Event(long seq, string clientId, string text) => string.Create(
        CultureInfo.InvariantCulture,
        $"{{\"seq\":{seq},\"type\":\"message.created\",\"sender\":\"{Room}\",\"at\":\"2026-11-21T10:02:03.456Z\",\"clientId\":\"{clientId}\",\"text\":\"{text}\"}}");

    public static string Events(params IEnumerable<string> events) =>
        $"{{\"type\":1,\"target\":\"Events\",\"arguments\":[{{\"room\":\"{Room}\",\"epoch\":1,\"events\":[{string.Join(',', events)}]}}]}}";

    /// <summary>Cuts a client's connection.</summary>
    public void HangUp(int client)
    {
        lock (_gate)
        {
            _clients[client].Socket.Close();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        lock (_gate)
        {
            foreach (Client client in _clients.Values)
            {
                client.Socket.Close();
            }
        }

        await Task.WhenAll(_running);
    }

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptSocketAsync();
                lock (_gate)
                {
                    _running.Add(Serve(socket));
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed of.
        }
    }

    private async Task Serve(Socket socket)
    {
        try
        {
            await using NetworkStream stream = new(socket, ownsSocket: true);
            string head = "";
            byte[] one = new byte[1];
            while (!head.EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                await stream.ReadExactlyAsync(one);
                head += (char)one[0];
            }

            // The token, or for the plain hub the order of coming, is the client's number.
            int at = head.IndexOf("access_token=", StringComparison.Ordinal);
            Client client;
            lock (_gate)
            {
                int number = at < 0 ? _clients.Count : int.Parse(head[(at + 13)..head.IndexOf(' ', at)], CultureInfo.InvariantCulture);
                client = new Client(number, socket);
                _clients[number] = client;
            }

            await stream.WriteAsync("HTTP/1.1 101 Switching Protocols\r\n\r\n"u8.ToArray());
            while (true)
            {
                string record = await Read(stream);
                lock (_gate)
                {
                    Take(client, record.TrimEnd('\u001e'));
                }
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // The client, or the test, has had enough.
        }
    }

    /// <summary>The generator puts one record into each frame and masks it with zeros.</summary>
    private static async Task<string> Read(NetworkStream stream)
    {
        byte[] header = new byte[8];
        await stream.ReadExactlyAsync(header.AsMemory(0, 6));
        int length = header[1] & 0x7F;
        if (length == 126)
        {
            await stream.ReadExactlyAsync(header.AsMemory(6, 2));
            length = (header[2] << 8) | header[3];
        }

        byte[] payload = new byte[length];
        await stream.ReadExactlyAsync(payload);
        return Encoding.UTF8.GetString(payload);
    }

    private void Take(Client client, string record)
    {
        using JsonDocument json = JsonDocument.Parse(record);
        if (!json.RootElement.TryGetProperty("target", out JsonElement target))
        {
            if (json.RootElement.TryGetProperty("protocol", out _))
            {
                Tell(client, "{}");
            }

            return;
        }

        string id = json.RootElement.TryGetProperty("invocationId", out JsonElement invocation) ? invocation.GetString()! : "";
        JsonElement arguments = json.RootElement.GetProperty("arguments");
        switch (target.GetString())
        {
            case "Hello":
                Tell(client, $"{{\"type\":3,\"invocationId\":\"{id}\",\"result\":{{\"protocol\":1}}}}");
                break;

            case "Join":
                client.IsSubscribed = true;
                Tell(client, $"{{\"type\":3,\"invocationId\":\"{id}\",\"result\":null}}");
                break;

            case "Resume":
                client.IsSubscribed = true;
                Tell(client, Resumed(id, arguments[0].GetProperty("rooms")[0]));
                break;

            case "Send" when IsPlain:
                Deliver($"{{\"type\":1,\"target\":\"Message\",\"arguments\":[\"{arguments[1].GetString()}\"]}}");
                break;

            default:
                JsonElement sent = arguments[0];
                foreach (FakeSend send in Order(new FakeSend(client.Number, id, sent.GetProperty("clientId").GetString()!, sent.GetProperty("text").GetString()!)))
                {
                    Append(send);
                }

                break;
        }
    }

    private void Append(FakeSend send)
    {
        int seq = Log.Count + 1;
        Log.Add(Event(seq, send.ClientId, send.Text));
        Tell(_clients[send.Client], $"{{\"type\":3,\"invocationId\":\"{send.InvocationId}\",\"result\":{{\"seq\":{seq},\"at\":\"2026-11-21T10:02:03.456Z\"}}}}");
        Deliver(Events(Log[^1]));
    }

    private string Resumed(string id, JsonElement room)
    {
        int after = room.TryGetProperty("seq", out JsonElement seq) ? seq.GetInt32() : Log.Count;
        return $"{{\"type\":3,\"invocationId\":\"{id}\",\"result\":{{\"rooms\":[{{\"room\":\"{Room}\",\"status\":\"complete\",\"epoch\":1,\"head\":{Log.Count},"
            + $"\"next\":{Log.Count},\"events\":[{string.Join(',', Log.Skip(after))}]}}]}}}}";
    }

    private void Deliver(string record)
    {
        foreach (Client client in _clients.Values.Where(client => client.IsSubscribed))
        {
            Tell(client, record);
        }
    }

    private void Tell(Client client, string record)
    {
        foreach (string one in Write(client.Number, record))
        {
            byte[] payload = Encoding.UTF8.GetBytes(one + '\u001e');
            client.Socket.Send((byte[])[0x81, 126, (byte)(payload.Length >> 8), (byte)payload.Length, .. payload]);
        }
    }

    private sealed class Client(int number, Socket socket)
    {
        public int Number => number;

        public Socket Socket => socket;

        public bool IsSubscribed { get; set; }
    }
}
