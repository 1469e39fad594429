using System.Text.Json;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Realtime;

/// <summary>The hints: who types, who is here, what was read, that the list of rooms changed. And the events of every kind, live.</summary>
public sealed class SignalTests(SharedServer shared) : IClassFixture<SharedServer>, IAsyncDisposable
{
    private readonly (string Key, Guid Id) _room = shared.NewRoom();
    private readonly List<HubSocket> _hubs = [];

    public async ValueTask DisposeAsync()
    {
        foreach (HubSocket hub in _hubs)
        {
            await hub.DisposeAsync();
        }
    }

    [Fact]
    public async Task Typing_reaches_those_who_have_the_room_open_and_nobody_else()
    {
        (HubSocket typist, SeenMessages own) = await Connect("typist");
        (HubSocket looks, SeenMessages open) = await Connect("looks");
        (HubSocket away, SeenMessages closed) = await Connect("away");
        (HubSocket stranger, SeenMessages foreign) = await Connect("stranger", shared.NewRoom().Key);
        foreach (HubSocket hub in (HubSocket[])[typist, looks, away])
        {
            await hub.Resume(_room.Id);
        }

        await typist.Call("Open", new { room = _room.Id });
        await looks.Call("Open", new { room = _room.Id });
        Assert.Equal("not_found", (await stranger.Call("Open", new { room = _room.Id })).Code());
        Assert.Equal("not_found", (await stranger.Call("Typing", new { room = _room.Id })).Code());

        await open.SeeTyping(typist, _room.Id);
        JsonElement signal = open.Signals("typing")[0];
        Assert.Equal(_room.Id, signal.GetProperty("room").GetGuid());
        Assert.Equal(await UserOf(typist), signal.GetProperty("user").GetGuid());
        await away.Call("Rooms", new { });
        await stranger.Call("Rooms", new { });
        Assert.Empty(closed.Signals("typing"));
        Assert.Empty(foreign.Signals("typing"));
        Assert.Empty(own.Signals("typing"));

        await looks.Call("Close", new { room = _room.Id });
        int typed = open.Signals("typing").Length;
        await typist.Call("Typing", new { room = _room.Id });
        await looks.Call("Rooms", new { });
        Assert.Equal(typed, open.Signals("typing").Length);
    }

    [Fact]
    public async Task Presence_is_told_to_those_who_have_a_shared_room_open()
    {
        (HubSocket looks, SeenMessages open) = await Connect("looks");
        (_, SeenMessages closed) = await Connect("away");
        (HubSocket stranger, SeenMessages foreign) = await Connect("stranger", shared.NewRoom().Key);
        await stranger.Call("Open", new { room = _room.Id });
        JsonElement online = await looks.Call("Open", new { room = _room.Id });
        Assert.Equal(2, online.GetProperty("online").GetArrayLength());

        (HubSocket comes, _) = await Connect("comes");
        Guid user = await UserOf(comes);
        await open.Changed.Until(() => States(open, user).Contains("online"), "online");
        await comes.DisposeAsync();
        await open.Changed.Until(() => States(open, user).Contains("offline"), "offline");

        Assert.Equal(["online", "offline"], States(open, user));
        Assert.Empty(States(closed, user));
        Assert.Empty(States(foreign, user));
    }

    [Fact]
    public async Task What_one_tab_reads_the_others_hear()
    {
        (HubSocket writer, _) = await Connect("writer");
        (HubSocket tab1, SeenMessages seen1) = await Connect("reader");
        (_, SeenMessages seen2) = await Connect("reader");
        long seq = (await writer.Send(_room.Id, "unread")).Seq();
        await writer.Send(_room.Id, "unread too");

        await tab1.Call("MarkRead", new { room = _room.Id, seq });
        await seen2.Changed.Until(() => seen2.Signals("read").Length > 0, "read");
        JsonElement signal = Assert.Single(seen2.Signals("read"));
        Assert.Equal((_room.Id, seq, 1), (signal.GetProperty("room").GetGuid(), signal.GetProperty("seq").GetInt64(), signal.GetProperty("unread").GetInt32()));
        Assert.Empty(seen1.Signals("read"));
    }

    [Fact]
    public async Task Being_added_to_a_room_and_removed_is_told()
    {
        (HubSocket owner, _) = await Connect("owner");
        (HubSocket added, SeenMessages seen) = await Connect("added", shared.NewRoom().Key);
        Guid user = await UserOf(added);
        int before = seen.Signals("rooms").Length;
        RestClient rest = new(shared.Server.Address) { Token = Tokens.For(Name("owner")) };

        Assert.Equal(204, (await rest.Put($"/api/rooms/{_room.Id}/members/{user}")).Status);
        await seen.Changed.Until(() => seen.Signals("rooms").Length > before, "the list of rooms changed");
        Assert.Contains((await added.Call("Rooms", new { })).GetProperty("items").EnumerateArray(), room => room.GetProperty("id").GetGuid() == _room.Id);
        before = seen.Signals("rooms").Length;
        Assert.Equal(204, (await rest.Delete($"/api/rooms/{_room.Id}/members/{user}")).Status);
        await seen.Changed.Until(() => seen.Signals("rooms").Length > before, "the list of rooms changed");
        Assert.Null((await owner.Call("Rooms", new { })).Code());
    }

    [Fact]
    public async Task Every_kind_of_event_comes_live_and_once_to_every_tab()
    {
        (HubSocket writer, SeenMessages own) = await Connect("writer");
        (HubSocket tab1, SeenMessages seen1) = await Connect("reader");
        (HubSocket tab2, SeenMessages seen2) = await Connect("reader");
        long head = 0;
        foreach (HubSocket hub in (HubSocket[])[writer, tab1, tab2])
        {
            head = (await hub.Resume(_room.Id)).GetProperty("head").GetInt64();
        }

        Guid clientId = Guid.NewGuid();
        long seq = (await writer.Send(_room.Id, "one", clientId)).Seq();
        await writer.Call("Edit", new { room = _room.Id, seq, text = "two" });
        await writer.Call("React", new { room = _room.Id, seq, emoji = "👍" });
        await writer.Call("React", new { room = _room.Id, seq, emoji = "👍", on = false });
        await writer.Call("Pin", new { room = _room.Id, seq });
        await writer.Call("Pin", new { room = _room.Id, seq, on = false });
        await writer.Call("Send", new { room = _room.Id, clientId = Guid.NewGuid(), text = "reply", replyTo = seq });
        await writer.Call("Delete", new { room = _room.Id, seq });
        RestClient rest = new(shared.Server.Address) { Token = Tokens.For(Name("writer")) };
        Assert.Equal(200, (await rest.Patch($"/api/rooms/{_room.Id}", new { topic = "new topic" })).Status);

        string[] expected =
        [
            "message.created", "message.edited", "reaction.added", "reaction.removed", "message.pinned", "message.unpinned", "message.created", "message.deleted", "room.updated",
        ];
        foreach (SeenMessages seen in (SeenMessages[])[own, seen1, seen2])
        {
            await seen.Changed.Until(() => seen.Events.Length >= expected.Length, "all events");
            Assert.Equal(expected, seen.Events.Select(e => e.Type));
            Assert.Equal(Enumerable.Range(1, expected.Length).Select(i => head + i), seen.Seqs);
            Assert.Equal(clientId, seen.Events[0].ClientId);
            Assert.All(seen.Events[1..6], e => Assert.Equal(seq, e.Target));
        }
    }

    private static string[] States(SeenMessages seen, Guid user) =>
        [.. seen.Signals("presence").Where(signal => signal.GetProperty("user").GetGuid() == user).Select(signal => signal.GetProperty("state").GetString()!)];

    private static async Task<Guid> UserOf(HubSocket hub) => (await hub.Hello()).GetProperty("user").GetProperty("id").GetGuid();

    private string Name(string user) => $"{user} of {_room.Key}";

    private async Task<(HubSocket Hub, SeenMessages Seen)> Connect(string user, string? room = null)
    {
        SeenMessages seen = new();
        HubSocket hub = await shared.Server.Connect(Name(user), [room ?? _room.Key], new HubSocketOptions { Received = seen.Take });
        _hubs.Add(hub);
        return (hub, seen);
    }
}
