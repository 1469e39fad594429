using System.Text.Json;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Realtime;

/// <summary>Each call of docs/protocol.md section 6: its answer, and each coded "no".</summary>
public sealed class CallTests(SharedServer shared) : IClassFixture<SharedServer>, IAsyncLifetime
{
    private readonly RunningServer _server = shared.Server;
    private readonly (string Key, Guid Id) _named = shared.NewRoom();
    private HubSocket _hub = null!;
    private Guid _room;
    private Guid _user;

    public async ValueTask InitializeAsync()
    {
        _room = _named.Id;
        _hub = await HubSocket.Connect(_server.Uri(), Tokens.For(_named.Key + " aoi", _named.Key));
        _user = (await _hub.Hello()).GetProperty("user").GetProperty("id").GetGuid();
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        _server.AssertNoErrors();
    }

    [Fact]
    public async Task Hello_tells_who_both_sides_are_and_what_holds()
    {
        JsonElement hello = await _hub.Hello();

        Assert.Equal(1, hello.GetProperty("protocol").GetInt32());
        Assert.NotEmpty(hello.GetProperty("connection").GetString()!);
        Assert.Equal(_named.Key + " aoi", hello.GetProperty("user").GetProperty("displayName").GetString());
        Assert.Equal("default", hello.GetProperty("tenant").GetProperty("key").GetString());
        Assert.NotEmpty(hello.GetProperty("server").GetProperty("version").GetString()!);
        Assert.NotEmpty(hello.GetProperty("server").GetProperty("node").GetString()!);
        Assert.Equal(JsonValueKind.Object, hello.GetProperty("limits").ValueKind);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", hello.GetProperty("time").GetString());
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", hello.GetProperty("expiresAt").GetString());
    }

    [Fact]
    public async Task Every_call_before_Hello_is_answered_hello_required()
    {
        await using HubSocket hub = await HubSocket.Connect(_server.Uri(), Tokens.For(_named.Key + " aoi"));

        Assert.Equal("hello_required", (await hub.Send(_room, "too early")).Code());
        Assert.Equal("hello_required", (await hub.Call("Rooms", new { })).Code());
        Assert.Equal("hello_required", (await hub.Call("Resume", new { rooms = Array.Empty<object>() })).Code());
        await hub.Hello();
        Assert.Null((await hub.Send(_room, "in time")).Code());
    }

    [Fact]
    public async Task Another_protocol_version_is_invalid() =>
        Assert.Equal("invalid", (await _hub.Call("Hello", new { protocol = 2 })).Code());

    [Fact]
    public async Task Each_write_is_answered_with_the_seq_and_time_of_its_event()
    {
        long sent = (await _hub.Send(_room, "one")).Seq();
        long edited = (await _hub.Call("Edit", new { room = _room, seq = sent, text = "two" })).Seq();
        long reacted = (await _hub.Call("React", new { room = _room, seq = sent, emoji = "👍" })).Seq();
        long taken = (await _hub.Call("React", new { room = _room, seq = sent, emoji = "👍", on = false })).Seq();
        long pinned = (await _hub.Call("Pin", new { room = _room, seq = sent })).Seq();
        long unpinned = (await _hub.Call("Pin", new { room = _room, seq = sent, on = false })).Seq();
        JsonElement deleted = await _hub.Call("Delete", new { room = _room, seq = sent });

        Assert.Equal(Enumerable.Range(0, 7).Select(i => sent + i), [sent, edited, reacted, taken, pinned, unpinned, deleted.Seq()]);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", deleted.GetProperty("at").GetString());

        JsonElement log = await _hub.Resume(_room, sent - 1);
        Assert.Equal(
            ["message.created", "message.edited", "reaction.added", "reaction.removed", "message.pinned", "message.unpinned", "message.deleted"],
            log.GetProperty("events").EnumerateArray().Select(e => e.GetProperty("type").GetString()!));
    }

    [Fact]
    public async Task A_deleted_messages_text_is_erased_from_the_log()
    {
        long sent = (await _hub.Send(_room, "secret one")).Seq();
        await _hub.Call("Edit", new { room = _room, seq = sent, text = "secret two" });
        await _hub.Call("Delete", new { room = _room, seq = sent });

        JsonElement log = await _hub.Resume(_room, 0);

        Assert.DoesNotContain("secret", log.GetRawText(), StringComparison.Ordinal);
        JsonElement[] erased = [.. log.GetProperty("events").EnumerateArray().Where(e => e.TryGetProperty("deleted", out _))];
        Assert.Equal(2, erased.Length);
        Assert.All(erased, e => Assert.True(e.GetProperty("deleted").GetBoolean()));
    }

    [Fact]
    public async Task Changing_nothing_names_the_event_that_did_it_earlier()
    {
        long sent = (await _hub.Send(_room, "one")).Seq();
        long first = (await _hub.Call("React", new { room = _room, seq = sent, emoji = "x" })).Seq();
        long again = (await _hub.Call("React", new { room = _room, seq = sent, emoji = "x" })).Seq();
        long pin = (await _hub.Call("Pin", new { room = _room, seq = sent })).Seq();

        Assert.Equal(first, again);
        Assert.Equal(pin, (await _hub.Call("Pin", new { room = _room, seq = sent })).Seq());
        Assert.Equal(pin, (await _hub.Resume(_room)).GetProperty("head").GetInt64());
    }

    [Fact]
    public async Task MarkRead_never_goes_back_and_counts_what_others_wrote()
    {
        await using HubSocket other = await _server.Connect("beni", [_named.Key]);
        long first = (await other.Send(_room, "one")).Seq();
        long second = (await other.Send(_room, "two")).Seq();

        JsonElement read = await _hub.Call("MarkRead", new { room = _room, seq = first });
        Assert.Equal((first, 1), (read.GetProperty("seq").GetInt64(), read.GetProperty("unread").GetInt32()));
        read = await _hub.Call("MarkRead", new { room = _room, seq = 9_000_000 });
        Assert.Equal((second, 0), (read.GetProperty("seq").GetInt64(), read.GetProperty("unread").GetInt32()));
        read = await _hub.Call("MarkRead", new { room = _room, seq = 1 });
        Assert.Equal(second, read.GetProperty("seq").GetInt64());
        Assert.Equal("invalid", (await _hub.Call("MarkRead", new { room = _room, seq = -1 })).Code());
    }

    [Fact]
    public async Task Rooms_Open_Close_and_Typing_answer()
    {
        JsonElement rooms = await _hub.Call("Rooms", new { });
        Assert.Equal(_room, Assert.Single(rooms.GetProperty("items").EnumerateArray()).GetProperty("id").GetGuid());

        await _hub.Resume(_room);
        JsonElement open = await _hub.Call("Open", new { room = _room });
        Assert.Equal(_user, Assert.Single(open.GetProperty("online").EnumerateArray()).GetGuid());
        Assert.Equal("{}", (await _hub.Call("Typing", new { room = _room })).GetRawText());
        Assert.Equal("{}", (await _hub.Call("Close", new { room = _room })).GetRawText());
    }

    [Fact]
    public async Task Twenty_rooms_may_be_open_and_no_more()
    {
        string[] keys = [.. Enumerable.Range(0, 21).Select(i => $"room{i}")];
        await using HubSocket hub = await HubSocket.Connect(_server.Uri(), Tokens.For("aoi", keys));
        Guid tenant = (await hub.Hello()).GetProperty("tenant").GetProperty("id").GetGuid();
        foreach (string key in keys[..20])
        {
            Assert.Null((await hub.Call("Open", new { room = Tokens.RoomOf(tenant, key) })).Code());
        }

        Assert.Equal("invalid", (await hub.Call("Open", new { room = Tokens.RoomOf(tenant, keys[20]) })).Code());
        await hub.Call("Close", new { room = Tokens.RoomOf(tenant, keys[3]) });
        Assert.Null((await hub.Call("Open", new { room = Tokens.RoomOf(tenant, keys[20]) })).Code());
    }

    [Fact]
    public async Task Unknown_methods_and_arguments_that_do_not_fit_are_coded()
    {
        Guid clientId = Guid.NewGuid();
        Assert.Equal("unknown_method", (await _hub.Call("Explode", new { })).Code());
        Assert.Equal("unknown_method", (await _hub.Call("OnConnectedAsync", new { })).Code());
        Assert.Equal("unknown_method", (await _hub.Call("Refuse", new { code = "internal", message = "mine" })).Code());
        Assert.Equal("invalid", (await _hub.Start("Send")).Code());
        Assert.Equal("invalid", (await _hub.Start("Send", new { room = _room, clientId, text = "a" }, new { })).Code());
        Assert.Equal("invalid", (await _hub.Call("Send", "text")).Code());
        Assert.Equal("invalid", (await _hub.Call("Send", new { room = _room, text = "no client id" })).Code());
        Assert.Equal("invalid", (await _hub.Call("Send", new { room = 7, clientId, text = "a" })).Code());
        Assert.Equal("invalid", (await _hub.Call("Send", new { room = "general", clientId, text = "a" })).Code());
        Assert.Equal("invalid", (await _hub.Call("Send", new { room = _room, clientId, text = 7 })).Code());
        Assert.Equal("invalid", (await _hub.Call("Send", new { room = _room, clientId, text = (string?)null })).Code());
        Assert.Equal("invalid", (await _hub.Call("Edit", new { room = _room, seq = 1.5, text = "a" })).Code());
        Assert.Equal("invalid", (await _hub.Call("React", new { room = _room, seq = 1, emoji = "a", on = "yes" })).Code());
        Assert.Equal("invalid", (await _hub.Call("Resume", new { rooms = "all" })).Code());
        Assert.Null((await _hub.Send(_room, "still here", clientId)).Code());
    }

    [Fact]
    public async Task The_message_of_an_invalid_call_names_the_field() =>
        Assert.Contains("seq", (await _hub.Call("Edit", new { room = _room, seq = "x", text = "a" })).Message(), StringComparison.Ordinal);

    [Theory]
    [InlineData("", "invalid")]
    [InlineData(" \n\t ", "invalid")]
    [InlineData("a\u0007b", "invalid")]
    [InlineData("\u0000", "invalid")]
    public async Task Texts_that_are_none_are_refused(string text, string code) => Assert.Equal(code, (await _hub.Send(_room, text)).Code());

    [Fact]
    public async Task Lengths_have_bounds()
    {
        Assert.Null((await _hub.Send(_room, new string('あ', 10_000))).Code());
        Assert.Equal("too_large", (await _hub.Send(_room, new string('あ', 10_001))).Code());
        long seq = (await _hub.Send(_room, "a")).Seq();
        Assert.Null((await _hub.Call("React", new { room = _room, seq, emoji = new string('a', 32) })).Code());
        Assert.Equal("invalid", (await _hub.Call("React", new { room = _room, seq, emoji = new string('a', 33) })).Code());
        Assert.Equal("invalid", (await _hub.Call("React", new { room = _room, seq, emoji = "a b" })).Code());
        Assert.Equal("invalid", (await _hub.Call("React", new { room = _room, seq, emoji = "" })).Code());
    }

    [Fact]
    public async Task Carriage_returns_become_line_feeds()
    {
        long seq = (await _hub.Send(_room, "a\r\nb\rc\td")).Seq();

        Assert.Equal("a\nb\nc\td", Assert.Single((await _hub.Resume(_room, seq - 1)).GetProperty("events").EnumerateArray()).GetProperty("text").GetString());
    }

    [Fact]
    public async Task Half_a_surrogate_pair_is_refused()
    {
        foreach (string half in (string[])["\\ud83d", "\\udc4d", "a\\ud83d b"])
        {
            string id = _hub.NextId();
            Task<JsonElement> answer = _hub.Expect(id);
            _hub.SendFrame($$"""{"type":1,"invocationId":"{{id}}","target":"Send","arguments":[{"room":"{{_room}}","clientId":"{{Guid.NewGuid()}}","text":"{{half}}"}]}""");
            Assert.Equal("invalid", (await answer.WaitAsync(Signal.Patience)).Code());
        }
    }
}
