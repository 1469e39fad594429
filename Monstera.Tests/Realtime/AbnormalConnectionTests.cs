using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Monstera.Server.Realtime;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Realtime;

/// <summary>Connections that are there and are of no use are found and closed, whichever way they came.</summary>
public sealed class AbnormalConnectionTests
{
    public static TheoryData<string> Ways => ["/hub", "/HUB", nameof(FallbackTransport.ServerSentEvents), nameof(FallbackTransport.LongPolling)];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Who_never_says_Hello_is_cut(string way)
    {
        FakeTime time = new(TimeProvider.System.GetUtcNow());
        await using RunningServer server = await LiveServer.Start(time, null, []);
        await using IAsyncDisposable connection = await Connect(server, way);
        time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(1, server.Get<ConnectionRegistry>().Count);
        time.Advance(TimeSpan.FromSeconds(2));
        await Gone(server, connection);
    }

    /// <summary>Nothing comes of one whose cable was cut, either.</summary>
    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Who_is_silent_is_cut(string way)
    {
        FakeTime time = new(TimeProvider.System.GetUtcNow());
        await using RunningServer server = await LiveServer.Start(time, null, []);
        await using IAsyncDisposable connection = await Connect(server, way);
        JsonElement hello = connection is HubSocket hub ? await hub.Hello() : await ((FallbackHub)connection).Call("Hello", new { protocol = 1 });
        Assert.Null(hello.Code());
        time.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(1, server.Get<ConnectionRegistry>().Count);
        time.Advance(TimeSpan.FromSeconds(2));
        await Gone(server, connection);
    }

    [Theory]
    [InlineData("/HUB")]
    [InlineData(nameof(FallbackTransport.ServerSentEvents))]
    [InlineData(nameof(FallbackTransport.LongPolling))]
    public async Task Who_never_reads_is_cut_and_nobody_waits_for_it(string way)
    {
        FakeTime time = new(TimeProvider.System.GetUtcNow());
        await using RunningServer server = await LiveServer.Start(time, null, [("Realtime:ClientTimeoutSeconds", "900"), ("Realtime:HelloTimeoutSeconds", "300")]);
        await using HubSocket writer = await server.Connect("writer", ["general"]);
        Guid room = (await writer.Call("Rooms", new { })).GetProperty("items")[0].GetProperty("id").GetGuid();
        using IDisposable frozen = way == "/HUB" ? await FrozenSocket(server, room) : await FrozenFallback(server, room, way);
        Assert.Equal(2, server.Get<ConnectionRegistry>().Count);

        // More than all buffers on the way hold.
        string text = new('x', 10_000);
        for (int i = 0; i < 6; i++)
        {
            await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => writer.Start("Send", new { room, clientId = Guid.NewGuid(), text }))).WaitAsync(Signal.Patience, TimeProvider.System);
        }

        Assert.Equal(2, server.Get<ConnectionRegistry>().Count);
        time.Advance(TimeSpan.FromSeconds(12));
        await Signal.Poll(
            () =>
            {
                // Its good-bye is waited for a little, too.
                time.AdvanceMs(50);
                return server.Get<ConnectionRegistry>().Count == 1;
            },
            "the frozen one to be cut");
        Assert.True((await writer.Send(room, "goes on")).Seq() > 0);
    }

    [Fact]
    public async Task A_socket_that_says_nothing_is_closed()
    {
        FakeTime time = new(TimeProvider.System.GetUtcNow());
        await using RunningServer server = await LiveServer.Start(time, null, []);
        using TcpClient silent = new();
        int timers = time.Waiting;
        await silent.ConnectAsync(IPAddress.Loopback, server.Uri().Port);
        await Signal.Poll(() => time.Waiting > timers, "the server to have noticed");
        time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(0, await Read(silent));
    }

    [Theory]
    [InlineData("GET /hub HTTP/1.1\r\nHost: localhost\r\nUpgrade: webso")]
    [InlineData("G")]
    public async Task Half_the_head_of_a_request_is_not_waited_for_long(string half)
    {
        await using RunningServer server = await LiveServer.Start(("Realtime:HelloTimeoutSeconds", "1"));
        using TcpClient slow = new();
        await slow.ConnectAsync(IPAddress.Loopback, server.Uri().Port);
        await slow.GetStream().WriteAsync(Encoding.ASCII.GetBytes(half));
        int read = await Read(slow);

        // It may say why.
        Assert.True(read == 0 || await Read(slow) == 0);
    }

    private static async Task<IAsyncDisposable> Connect(RunningServer server, string way) =>
        way.StartsWith('/')
            ? await HubSocket.Connect(server.Uri(), Tokens.For("aoi"), new HubSocketOptions { Path = way, Pings = false })
            : await FallbackHub.Connect(server.Uri(), Tokens.For("aoi"), Enum.Parse<FallbackTransport>(way));

    private static async Task Gone(RunningServer server, IAsyncDisposable connection)
    {
        await (connection is HubSocket hub ? hub.Closed : ((FallbackHub)connection).Closed).WaitAsync(Signal.Patience);
        await Signal.Poll(() => server.Get<ConnectionRegistry>().Count == 0, "the connection to be forgotten");
    }

    private static async Task<IDisposable> FrozenSocket(RunningServer server, Guid room)
    {
        Gate gate = new();
        bool isFrozen = false;
        HubSocket hub = await server.Connect(
            "frozen", ["general"],
            new HubSocketOptions { Path = "/HUB", ReceiveBufferBytes = 4_096, BeforeRead = _ => Volatile.Read(ref isFrozen) ? new ValueTask(gate.Pass()) : default });
        await hub.Resume(room);
        Volatile.Write(ref isFrozen, true);
        return new Later(() =>
        {
            gate.Open();
            return hub.DisposeAsync();
        });
    }

    /// <summary>One whose stream is open and is not read, or who polled once and never again.</summary>
    private static async Task<IDisposable> FrozenFallback(RunningServer server, Guid room, string way)
    {
        string token = Tokens.For("frozen", "general");
        HttpClient http = new() { Timeout = Signal.Patience };
        using HttpResponseMessage negotiated = await http.PostAsync(new Uri(server.Uri(), $"/hub/negotiate?negotiateVersion=1&access_token={token}"), null);
        using JsonDocument answer = JsonDocument.Parse(await negotiated.Content.ReadAsStringAsync());
        string address = $"/hub?id={answer.RootElement.GetProperty("connectionToken").GetString()}&access_token={token}";
        TcpClient stream = new() { ReceiveBufferSize = 4_096 };
        await stream.ConnectAsync(IPAddress.Loopback, server.Uri().Port);
        string accept = way == nameof(FallbackTransport.ServerSentEvents) ? "Accept: text/event-stream\r\n" : "";
        await stream.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"GET {address} HTTP/1.1\r\nHost: localhost\r\n{accept}\r\n"));
        await Read(stream);
        const char End = (char)0x1e;
        string resume = JsonSerializer.Serialize(new { type = 1, invocationId = "2", target = "Resume", arguments = new[] { new { rooms = new[] { new { room } } } } });
        using StringContent frames = new(
            """{"protocol":"json","version":1}""" + End + """{"type":1,"invocationId":"1","target":"Hello","arguments":[{"protocol":1}]}""" + End + resume + End);
        using HttpResponseMessage posted = await http.PostAsync(new Uri(server.Uri(), address), frames);
        posted.EnsureSuccessStatusCode();
        await Signal.Poll(() => server.Get<ConnectionRegistry>().All.Any(connection => connection.SubscriptionCount == 1), "it to be live");
        return new Later(() =>
        {
            http.Dispose();
            stream.Dispose();
            return ValueTask.CompletedTask;
        });
    }

    private static async Task<int> Read(TcpClient client)
    {
        try
        {
            return await client.GetStream().ReadAsync(new byte[1_024]).AsTask().WaitAsync(Signal.Patience);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private sealed class Later(Func<ValueTask> end) : IDisposable
    {
        public void Dispose() => end().AsTask().GetAwaiter().GetResult();
    }
}
