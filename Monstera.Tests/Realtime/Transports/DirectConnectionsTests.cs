using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Realtime.Transports;

/// <summary>What only a client that writes its own frames can see: how many there are, and in what order they come.</summary>
public sealed class DirectConnectionsTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const char End = (char)0x1e;
    private static readonly string Handshake = "{\"protocol\":\"json\",\"version\":1}" + End;
    private static readonly string Hello = "{\"type\":1,\"invocationId\":\"h\",\"target\":\"Hello\",\"arguments\":[{\"protocol\":1}]}" + End;

    [Theory]
    [InlineData("/hub")]
    [InlineData("/HUB")]
    public async Task Who_asks_all_at_once_is_answered_in_order(string path)
    {
        Guid room = await Room("aoi");
        await using NetworkStream stream = await Open(shared.Server, path, "aoi");
        await stream.WriteAsync(Frame(1, Handshake + Hello + Resume(room) + Send(room)));

        StringBuilder seen = new();
        while (!seen.ToString().Contains("\"invocationId\":\"s\"", StringComparison.Ordinal))
        {
            seen.Append((await ReadFrame(stream)).Text);
        }

        string[] answers = [.. seen.ToString().Split(End).Where(message => message == "{}" || message.StartsWith("{\"type\":3", StringComparison.Ordinal))];
        Assert.Equal(4, answers.Length);
        Assert.Equal("{}", answers[0]);
        Assert.Contains("\"invocationId\":\"h\",\"result\":{\"protocol\":1", answers[1], StringComparison.Ordinal);
        Assert.Contains("\"status\":\"complete\"", answers[2], StringComparison.Ordinal);
        Assert.Contains("\"invocationId\":\"s\",\"result\":{\"seq\":", answers[3], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_asked_together_is_answered_in_one_frame()
    {
        Guid room = await Room("aoi");
        await using NetworkStream stream = await Open(shared.Server, "/hub", "aoi");
        await stream.WriteAsync(Frame(1, Handshake + Hello + Resume(room)));

        string first = (await ReadFrame(stream)).Text;
        Assert.Equal(["{}", "{\"type\":3,\"invocationId\":\"h\"", "{\"type\":3,\"invocationId\":\"r\""], first.Split(End)[..^1].Select(message => message[..Math.Min(message.Length, 28)]));
    }

    [Fact]
    public async Task A_ping_between_calls_is_answered()
    {
        await using NetworkStream stream = await Open(shared.Server, "/hub", "aoi");
        await stream.WriteAsync((byte[])[.. Frame(1, Handshake), .. Frame(9, "are you there?"), .. Frame(1, Hello)]);

        List<(int Opcode, string Text)> frames = [];
        while (!frames.Exists(frame => frame.Text.Contains("\"invocationId\":\"h\"", StringComparison.Ordinal)))
        {
            frames.Add(await ReadFrame(stream));
        }

        Assert.Contains((10, "are you there?"), frames);
    }

    [Fact]
    public async Task A_request_in_pieces_opens_a_WebSocket_too()
    {
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, shared.Server.Uri().Port);
        client.NoDelay = true;
        NetworkStream stream = client.GetStream();
        byte[] request = Encoding.ASCII.GetBytes(Upgrade("/hub", Tokens.For("aoi")));
        await stream.WriteAsync(request.AsMemory(0, 9));
        await stream.WriteAsync(request.AsMemory(9));
        Assert.StartsWith("HTTP/1.1 101", await ReadHead(stream), StringComparison.Ordinal);
        await stream.WriteAsync(Frame(1, Handshake));
        Assert.Equal("{}" + End, (await ReadFrame(stream)).Text);
    }

    [Fact]
    public async Task Who_has_said_nothing_does_not_hold_up_a_server_that_stops()
    {
        await using RunningServer server = await LiveServer.Start();
        using TcpClient silent = new();
        await silent.ConnectAsync(IPAddress.Loopback, server.Uri().Port);
        await using NetworkStream open = await Open(server, "/hub", "aoi");
        await open.WriteAsync(Frame(1, Handshake));
        await ReadFrame(open);

        // Less than the 30 s that the host waits for what does not end by itself.
        await server.Stop().WaitAsync(TimeSpan.FromSeconds(15));
        Assert.Equal(0, await Read(silent.GetStream(), new byte[1]));
    }

    [Fact]
    public async Task Who_is_told_to_leave_and_goes_on_writing_is_let_go_all_the_same()
    {
        await using RunningServer server = await LiveServer.Start();
        await using NetworkStream open = await Open(server, "/hub", "aoi");
        await open.WriteAsync(Frame(1, Handshake + Hello));
        await ReadFrame(open);
        Task<bool> flood = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    await open.WriteAsync(Frame(1, "{\"type\":6}" + End));
                }
            }
            catch (IOException)
            {
                return true;
            }
        });

        await server.Stop().WaitAsync(TimeSpan.FromSeconds(15));
        Assert.True(await flood.WaitAsync(Signal.Patience));
    }

    [Fact]
    public async Task Where_TLS_is_spoken_plain_text_opens_nothing()
    {
        using RSA key = RSA.Create(2048);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using X509Certificate2 certificate = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        await using RunningServer server = await LiveServer.Start(
            null, null, [], services => services.Configure<KestrelServerOptions>(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate))));

        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, server.Uri().Port);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(Upgrade("/hub", Tokens.For("aoi"))));
        Assert.DoesNotContain("101", await ReadHead(stream), StringComparison.Ordinal);
    }

    private async Task<Guid> Room(string user)
    {
        await using HubSocket hub = await shared.Server.Connect(user, ["general"]);
        return Tokens.RoomOf((await hub.Hello()).GetProperty("tenant").GetProperty("id").GetGuid(), "general");
    }

    private static string Resume(Guid room) => $"{{\"type\":1,\"invocationId\":\"r\",\"target\":\"Resume\",\"arguments\":[{{\"rooms\":[{{\"room\":\"{room}\"}}]}}]}}" + End;

    private static string Send(Guid room) =>
        $"{{\"type\":1,\"invocationId\":\"s\",\"target\":\"Send\",\"arguments\":[{{\"room\":\"{room}\",\"clientId\":\"{Guid.NewGuid()}\",\"text\":\"at once\"}}]}}" + End;

    private static string Upgrade(string path, string token) =>
        $"GET {path}?access_token={token} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

    private static async Task<NetworkStream> Open(RunningServer server, string path, string user)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, server.Uri().Port);
        NetworkStream stream = new(socket, ownsSocket: true);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(Upgrade(path, Tokens.For(user, "general"))));
        Assert.StartsWith("HTTP/1.1 101", await ReadHead(stream), StringComparison.Ordinal);
        return stream;
    }

    /// <summary>The head of an answer, or what came of it before the connection ended.</summary>
    private static async Task<string> ReadHead(NetworkStream stream)
    {
        StringBuilder head = new();
        byte[] one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await Read(stream, one) == 1)
        {
            head.Append((char)one[0]);
        }

        return head.ToString();
    }

    private static async Task<int> Read(NetworkStream stream, byte[] buffer)
    {
        try
        {
            return await stream.ReadAsync(buffer).AsTask().WaitAsync(Signal.Patience);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static byte[] Frame(byte opcode, string text) => MaskedFrame.Of((byte)(0x80 | opcode), Encoding.UTF8.GetBytes(text), [1, 200, 3, 77]);

    private static async Task<(int Opcode, string Text)> ReadFrame(NetworkStream stream)
    {
        byte[] head = new byte[2];
        await stream.ReadExactlyAsync(head).AsTask().WaitAsync(Signal.Patience);
        int length = head[1];
        if (length == 126)
        {
            byte[] extended = new byte[2];
            await stream.ReadExactlyAsync(extended);
            length = BinaryPrimitives.ReadUInt16BigEndian(extended);
        }

        byte[] payload = new byte[length];
        await stream.ReadExactlyAsync(payload).AsTask().WaitAsync(Signal.Patience);
        return (head[0] & 0x0f, Encoding.UTF8.GetString(payload));
    }
}
