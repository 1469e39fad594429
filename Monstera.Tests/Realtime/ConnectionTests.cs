using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Realtime;

/// <summary>How one comes in, by which way, and at what rate.</summary>
public sealed class ConnectionTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const char End = (char)0x1e;
    private static readonly HttpClient Http = new() { Timeout = Signal.Patience };

    [Theory]
    [InlineData("/hub")]
    [InlineData("/HUB")]
    public async Task Nobody_comes_in_without_credentials(string path)
    {
        foreach (string? token in (string?[])[null, "nonsense", "mst_nonsense", Tokens.Make("aoi", secret: "some other secret of thirty-two bytes")])
        {
            WebSocketException refused = await Assert.ThrowsAsync<WebSocketException>(
                () => HubSocket.Connect(shared.Server.Uri(), token, new HubSocketOptions { Path = path }));
            Assert.Contains("401", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_token_in_the_query_counts_at_the_hub_only()
    {
        string token = Tokens.For("aoi");
        using HttpResponseMessage api = await Http.GetAsync(new Uri(shared.Server.Uri(), $"/api/me?access_token={token}"));
        using HttpResponseMessage hub = await Http.PostAsync(new Uri(shared.Server.Uri(), $"/hub/negotiate?negotiateVersion=1&access_token={token}"), null);

        Assert.Equal(HttpStatusCode.Unauthorized, api.StatusCode);
        Assert.Equal(HttpStatusCode.OK, hub.StatusCode);
    }

    [Fact]
    public async Task A_cookie_without_the_servers_origin_does_not_open_a_WebSocket()
    {
        await using RunningServer server = await LiveServer.Start();
        await server.SetUp();
        Answer signedIn = await server.Anonymous().Post("/api/sign-in", new { userName = "owner", password = RestClient.Password });
        string cookie = $"monstera_session={signedIn.SessionCookie}";

        await using (HubSocket own = await HubSocket.Connect(server.Uri(), null, cookie: cookie))
        {
            await own.Hello();
        }

        foreach (string? origin in (string?[])[null, "https://evil.example", server.Address + "0"])
        {
            using ClientWebSocket foreign = new();
            foreign.Options.SetRequestHeader("Cookie", cookie);
            if (origin is not null)
            {
                foreign.Options.SetRequestHeader("Origin", origin);
            }

            WebSocketException refused = await Assert.ThrowsAsync<WebSocketException>(
                () => foreign.ConnectAsync(new Uri(server.Address.Replace("http", "ws", StringComparison.Ordinal) + "/hub"), CancellationToken.None));
            Assert.Contains("403", refused.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("/hub")]
    [InlineData("/HUB")]
    public async Task The_hub_works_on_the_short_way_and_on_the_HTTP_servers(string path)
    {
        (string key, Guid room) = shared.NewRoom();
        SeenMessages seen = new();
        await using HubSocket hub = await shared.Server.Connect("aoi", [key], new HubSocketOptions { Path = path, Received = seen.Take });
        await hub.Resume(room);
        JsonElement[] answers = await Task.WhenAll(Enumerable.Range(0, 300).Select(i => hub.Start("Send", new { room, clientId = Guid.NewGuid(), text = new string('x', i) + i })));
        await seen.Changed.Until(() => seen.Events.Length == 300, "all events");

        Assert.Equal(answers.Select(answer => answer.Seq()), seen.Seqs);
    }

    [Fact]
    public async Task Server_sent_events_carry_the_hub()
    {
        (string key, Guid room) = shared.NewRoom();
        Uri address = await Negotiate(Tokens.For("aoi", key));
        using HttpRequestMessage request = new(HttpMethod.Get, address);
        request.Headers.Accept.ParseAdd("text/event-stream");
        using HttpResponseMessage response = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        using StreamReader reader = new(await response.Content.ReadAsStreamAsync());

        await Post(address, """{"protocol":"json","version":1}""", Call("1", "Hello", new { protocol = 1 }), Call("2", "Resume", new { rooms = new[] { new { room } } }));
        await Post(address, Call("3", "Send", new { room, clientId = Guid.NewGuid(), text = "by SSE" }));
        StringBuilder got = new();
        while (!(got.ToString().Contains("\"by SSE\"", StringComparison.Ordinal) && got.ToString().Contains("\"invocationId\":\"3\"", StringComparison.Ordinal)))
        {
            string? line = await reader.ReadLineAsync().WaitAsync(Signal.Patience);
            Assert.NotNull(line);
            got.Append(line.StartsWith("data:", StringComparison.Ordinal) ? line[5..].TrimStart() : "");
        }
    }

    [Fact]
    public async Task Long_polling_carries_the_hub()
    {
        (string key, Guid room) = shared.NewRoom();
        Uri address = await Negotiate(Tokens.For("aoi", key));
        Assert.Equal("", await Http.GetStringAsync(address));
        await Post(address, """{"protocol":"json","version":1}""", Call("1", "Hello", new { protocol = 1 }), Call("2", "Resume", new { rooms = new[] { new { room } } }));
        await Post(address, Call("3", "Send", new { room, clientId = Guid.NewGuid(), text = "by polling" }));
        StringBuilder got = new();
        while (!(got.ToString().Contains("\"by polling\"", StringComparison.Ordinal) && got.ToString().Contains("\"invocationId\":\"3\"", StringComparison.Ordinal)))
        {
            got.Append(await Http.GetStringAsync(address));
        }

        using HttpResponseMessage ended = await Http.DeleteAsync(address);
        Assert.True(ended.IsSuccessStatusCode);
    }

    [Fact]
    public async Task A_frame_may_hold_several_messages_and_a_message_several_frames()
    {
        await using HubSocket hub = await HubSocket.Connect(shared.Server.Uri(), Tokens.For("aoi"));
        Task<JsonElement> first = hub.Expect("a");
        Task<JsonElement> second = hub.Expect("b");
        byte[] both = Encoding.UTF8.GetBytes(Call("a", "Hello", new { protocol = 1 }) + End + Call("b", "Hello", new { protocol = 1 }) + End);
        hub.SendRaw(both);
        await Task.WhenAll(first, second).WaitAsync(Signal.Patience);

        first = hub.Expect("a");
        second = hub.Expect("b");
        foreach (byte one in both)
        {
            hub.SendRaw(new[] { one });
        }

        await Task.WhenAll(first, second).WaitAsync(Signal.Patience);
        Task<JsonElement> fragmented = hub.Expect("a");
        Task<JsonElement> afterwards = hub.Expect("b");
        for (int i = 0; i < both.Length; i += 7)
        {
            hub.SendRaw(both.AsMemory(i, Math.Min(7, both.Length - i)), endOfMessage: i + 7 >= both.Length);
        }

        await Task.WhenAll(fragmented, afterwards).WaitAsync(Signal.Patience);
    }

    [Fact]
    public async Task A_frame_over_64_KiB_closes_the_connection_and_one_below_does_not()
    {
        (string key, Guid room) = shared.NewRoom();
        await using HubSocket hub = await shared.Server.Connect("aoi", [key]);
        string call = Call("1", "Send", new { room, clientId = Guid.NewGuid(), text = "a" });
        Task<JsonElement> answer = hub.Expect("1");
        hub.SendFrame(call[..^1] + new string(' ', 65_536 - call.Length) + "}");
        Assert.Null((await answer.WaitAsync(Signal.Patience)).Code());
        Assert.True(hub.IsOpen);

        hub.SendFrame(call[..^1] + new string(' ', 65_537 - call.Length) + "}");
        await hub.Closed.WaitAsync(Signal.Patience);
    }

    [Theory]
    [InlineData("""{"protocol":"messagepack","version":1}""")]
    [InlineData("""{"protocol":"json","version":99}""")]
    [InlineData("""{"type":6}""")]
    [InlineData("hello")]
    public async Task A_handshake_of_another_protocol_is_refused(string handshake)
    {
        await using HubSocket hub = await HubSocket.Connect(shared.Server.Uri(), Tokens.For("aoi"), new HubSocketOptions { Handshake = false, Pings = false });
        hub.SendFrame(handshake);

        await hub.Closed.WaitAsync(Signal.Patience);
    }

    [Fact]
    public async Task A_user_has_so_many_connections_and_no_more()
    {
        await using RunningServer server = await LiveServer.Start(("Limits:ConnectionsPerUser", "3"));
        List<HubSocket> hubs = [];
        for (int i = 0; i < 3; i++)
        {
            hubs.Add(await server.Connect("aoi", []));
        }

        await Assert.ThrowsAsync<ConnectionLostException>(() => server.Connect("aoi", []));
        await using HubSocket other = await server.Connect("beni", []);
        await hubs[1].DisposeAsync();
        await Signal.Poll(() => server.Get<Monstera.Server.Realtime.ConnectionRegistry>().Count == 3, "the place to be free");
        await using HubSocket next = await server.Connect("aoi", []);
        foreach (HubSocket hub in hubs)
        {
            await hub.DisposeAsync();
        }
    }

    [Fact]
    public async Task Writes_and_other_calls_have_a_rate_of_a_connection_and_writes_one_of_a_user()
    {
        FakeTime time = new(TimeProvider.System.GetUtcNow());
        await using RunningServer server = await LiveServer.Start(
            time,
            null,
            [
                ("Limits:WritesPerSecondPerConnection", "10"), ("Limits:WritesBurstPerConnection", "20"), ("Limits:WritesPerSecondPerUser", "10"), ("Limits:WritesBurstPerUser", "30"),
                ("Limits:CallsPerSecondPerConnection", "10"), ("Limits:CallsBurstPerConnection", "15"),
            ]);
        await using HubSocket one = await server.Connect("aoi", ["general"]);
        await using HubSocket two = await server.Connect("aoi", ["general"]);
        await using HubSocket other = await server.Connect("beni", ["general"]);
        Guid room = (await one.Call("Rooms", new { })).GetProperty("items")[0].GetProperty("id").GetGuid();

        // 1. The connection's burst, then the user's over both connections.
        JsonElement[] first = await Sends(one, 25);
        Assert.Equal(20, first.Count(answer => answer.Code() is null));
        Assert.All(first[20..], answer => Assert.Equal("rate_limited", answer.Code()));
        Assert.All(first[20..], answer => Assert.InRange(answer.RetryAfterMs()!.Value, 1, 100));
        Assert.Equal(10, (await Sends(two, 25)).Count(answer => answer.Code() is null));
        Assert.All(await Sends(other, 5), answer => Assert.Null(answer.Code()));

        // 2. After the time that was named there is one again.
        time.AdvanceMs(100);
        Assert.Equal(1, (await Sends(one, 3)).Count(answer => answer.Code() is null));

        // 3. Errors count too, and other calls have a rate of their own: of 15, Hello and Rooms took two, and one came back.
        JsonElement[] calls = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => one.Call("Explode", new { })));
        Assert.Equal(14, calls.Count(answer => answer.Code() == "unknown_method"));

        Task<JsonElement[]> Sends(HubSocket hub, int count) => Task.WhenAll(Enumerable.Range(0, count).Select(i => hub.Send(room, $"{i}")));
    }

    private static string Call(string invocationId, string target, object argument) =>
        JsonSerializer.Serialize(new { type = 1, invocationId, target, arguments = new[] { argument } });

    private static async Task Post(Uri address, params string[] frames)
    {
        using StringContent content = new(string.Concat(frames.Select(frame => frame + End)));
        using HttpResponseMessage response = await Http.PostAsync(address, content);
        Assert.True(response.IsSuccessStatusCode, $"{response.StatusCode}");
    }

    private async Task<Uri> Negotiate(string token)
    {
        using HttpResponseMessage response = await Http.PostAsync(new Uri(shared.Server.Uri(), $"/hub/negotiate?negotiateVersion=1&access_token={token}"), null);
        using JsonDocument answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return new Uri(shared.Server.Uri(), $"/hub?id={answer.RootElement.GetProperty("connectionToken").GetString()}&access_token={token}");
    }
}
