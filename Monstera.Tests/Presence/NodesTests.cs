using Microsoft.Extensions.DependencyInjection;
using Monstera.Data.Ids;
using Monstera.Server.Backplane;
using Monstera.Server.Nodes;
using Monstera.Server.Presence;
using Monstera.Server.Realtime;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Presence;

/// <summary>Two servers on one database, joined within the test's process: which of them a client is on does not show.</summary>
public sealed class NodesTests(TwoServers servers) : IClassFixture<TwoServers>, IAsyncDisposable
{
    private readonly (string Key, Guid Id) _room = servers.NewRoom();
    private readonly List<HubSocket> _hubs = [];

    public async ValueTask DisposeAsync()
    {
        foreach (HubSocket hub in _hubs)
        {
            await hub.DisposeAsync();
        }
    }

    [Fact]
    public async Task Presence_and_typing_are_told_on_the_other_node_and_the_invisible_are_not()
    {
        (HubSocket looks, SeenMessages seen) = await Connect(1, "looks");
        await looks.Call("Open", new { room = _room.Id });
        (HubSocket desk, _) = await Connect(0, "aoi");
        (HubSocket phone, SeenMessages onPhone) = await Connect(1, "aoi");
        Guid aoi = await UserOf(desk);
        await desk.Resume(_room.Id);
        await seen.Changed.Until(() => LastOf(seen, aoi) == "online", "online");
        await seen.SeeTyping(desk, _room.Id);

        await desk.Call("SetActivity", new { active = false });
        await phone.Call("SetActivity", new { active = false });
        await seen.Changed.Until(() => LastOf(seen, aoi) == "idle", "idle");
        await desk.Call("SetPresence", new { choice = "invisible" });
        await seen.Changed.Until(() => LastOf(seen, aoi) == "offline", "offline");
        await onPhone.Changed.Until(() => onPhone.Signals("choice").Length == 1, "the choice");

        await phone.Resume(_room.Id);
        int typed = seen.Signals("typing").Length;
        await phone.Call("Typing", new { room = _room.Id });
        await desk.Call("Typing", new { room = _room.Id });
        (HubSocket typist, _) = await Connect(0, "typist");
        await typist.Resume(_room.Id);
        await seen.SeeTyping(typist, _room.Id);
        Guid other = await UserOf(typist);
        Assert.All(seen.Signals("typing")[typed..], signal => Assert.Equal(other, signal.GetProperty("user").GetGuid()));
        Assert.Equal("offline", LastOf(seen, aoi));
    }

    [Fact]
    public async Task Typing_does_not_leave_its_room_on_the_other_node()
    {
        (string key, Guid id) = servers.NewRoom();
        (HubSocket stranger, SeenMessages seen) = await Connect(1, "stranger", key);
        (HubSocket writer, _) = await Connect(0, "writer");
        await stranger.Call("Open", new { room = id });
        await writer.Resume(_room.Id);
        (HubSocket looks, SeenMessages open) = await Connect(1, "looks");
        await looks.Call("Open", new { room = _room.Id });
        await open.SeeTyping(writer, _room.Id);
        Assert.Empty(seen.Signals("typing"));
        Assert.Null(LastOf(seen, await UserOf(writer)));
    }

    /// <summary>As a node tells it that has not heard of the choice yet.</summary>
    [Fact]
    public async Task Typing_of_the_invisible_is_not_shown_although_another_node_tells_of_it()
    {
        (HubSocket looks, SeenMessages seen) = await Connect(1, "looks");
        TenantId tenant = new((await looks.Hello()).GetProperty("tenant").GetProperty("id").GetGuid());
        await looks.Call("Open", new { room = _room.Id });
        (HubSocket ghost, _) = await Connect(1, "ghost");
        (HubSocket typist, _) = await Connect(1, "typist");
        await ghost.Call("SetPresence", new { choice = "invisible" });
        (Guid unseen, Guid visible) = (await UserOf(ghost), await UserOf(typist));
        using MemoryBackplane behind = new(servers.Wire);

        // Each for itself on a thread of the pool: one of several would be before the last.
        await seen.SeeTyping(() =>
        {
            foreach (Guid user in Enumerable.Repeat(unseen, 10).Append(visible))
            {
                behind.Tell(new TypingSignal(tenant, new RoomId(_room.Id), new UserId(user)));
            }

            return Task.CompletedTask;
        });
        Assert.All(seen.Signals("typing"), signal => Assert.Equal(visible, signal.GetProperty("user").GetGuid()));
    }

    [Fact]
    public async Task Who_joins_on_one_node_is_seen_by_those_who_look_at_the_room_on_the_other()
    {
        // Looks without resuming: the open room alone hears of members.
        (HubSocket looks, SeenMessages seen) = await Connect(1, "looks");
        await looks.Call("Open", new { room = _room.Id });
        (HubSocket comes, _) = await Connect(0, "comes", servers.NewRoom().Key);
        Guid user = await UserOf(comes);
        RestClient owner = new(servers.Nodes[0].Address) { Token = Tokens.For(Name("looks")) };
        Assert.Equal(204, (await owner.Put($"/api/rooms/{_room.Id}/members/{user}")).Status);
        await Signal.Poll(() => IsMember(user), "who joined");
        await comes.Call("SetPresence", new { choice = "away" });
        await seen.Changed.Until(() => LastOf(seen, user) == "away", "presence of who joined");

        Assert.Equal(204, (await owner.Delete($"/api/rooms/{_room.Id}/members/{user}")).Status);
        await Signal.Poll(() => !IsMember(user), "who left");
        await comes.Call("SetPresence", new { choice = "auto" });
        (HubSocket later, _) = await Connect(0, "later");
        Guid after = await UserOf(later);
        await seen.Changed.Until(() => LastOf(seen, after) == "online", "presence of a member");
        Assert.Equal("away", LastOf(seen, user));

        bool IsMember(Guid who) => servers.Nodes[1].Get<OpenRooms>().MembersOf(new(_room.Id))!.Contains(new(who));
    }

    [Fact]
    public async Task Devices_on_the_other_node_hear_what_was_read_and_that_the_list_of_rooms_changed()
    {
        (HubSocket here, SeenMessages atHome) = await Connect(0, "aoi");
        (_, SeenMessages seen) = await Connect(1, "aoi");
        (_, SeenMessages other) = await Connect(1, "other");
        Guid aoi = await UserOf(here);
        long seq = (await here.Send(_room.Id, "one")).GetProperty("seq").GetInt64();
        await here.Call("MarkRead", new { room = _room.Id, seq });
        await seen.Changed.Until(() => seen.Signals("read").Length == 1, "read");
        Assert.Equal(seq, seen.Signals("read")[0].GetProperty("seq").GetInt64());
        Assert.Empty(atHome.Signals("read"));

        int before = seen.Signals("rooms").Length;
        (HubSocket owner, _) = await Connect(0, "owner", servers.NewRoom().Key);
        RestClient rest = new(servers.Nodes[0].Address) { Token = Tokens.For(Name("owner")) };
        Answer room = await rest.Post("/api/rooms", new { kind = "private", name = "news", members = new[] { aoi } });
        Assert.Equal(201, room.Status);
        await seen.Changed.Until(() => seen.Signals("rooms").Length > before, "the list of rooms changed");
        Assert.Empty(other.Signals("read"));
        Assert.Null((await owner.Call("Rooms", new { })).Code());
    }

    [Fact]
    public async Task After_the_wire_was_cut_everybody_is_told_to_read_their_rooms_again()
    {
        (_, SeenMessages seen) = await Connect(0, "aoi");
        int before = seen.Signals("rooms").Length;
        servers.Wire.SetCut(true);
        servers.Wire.SetCut(false);
        await seen.Changed.Until(() => seen.Signals("rooms").Length > before, "rooms");
    }

    private static string[] States(SeenMessages seen, Guid user) =>
        [.. seen.Signals("presence").Where(signal => signal.GetProperty("user").GetGuid() == user).Select(signal => signal.GetProperty("state").GetString()!)];

    private static string? LastOf(SeenMessages seen, Guid user) => States(seen, user).LastOrDefault();

    private static async Task<Guid> UserOf(HubSocket hub) => (await hub.Hello()).GetProperty("user").GetProperty("id").GetGuid();

    private string Name(string user) => $"{user} of {_room.Key}";

    private async Task<(HubSocket Hub, SeenMessages Seen)> Connect(int node, string user, string? room = null)
    {
        SeenMessages seen = new();
        HubSocket hub = await servers.Nodes[node].Connect(Name(user), [room ?? _room.Key], new HubSocketOptions { Received = seen.Take });
        _hubs.Add(hub);
        return (hub, seen);
    }
}

/// <summary>The two nodes, with tables of presence within the process too.</summary>
public sealed class TwoServers : IAsyncLifetime
{
    private TwoNodes _nodes = null!;
    private Guid _tenant;

    public RunningServer[] Nodes => [_nodes.Here, _nodes.There];

    public MemoryBackplaneWire Wire => _nodes.Wire;

    public async ValueTask InitializeAsync()
    {
        MemoryPresenceTables tables = new(TimeProvider.System);
        _nodes = await TwoNodes.Start(replaceBoth: services => services.AddSingleton<IPresenceTables>(tables)
            .AddSingleton<IPresence>(provider => provider.GetRequiredService<NodePresence>()));
        await using HubSocket hub = await HubSocket.Connect(Nodes[0].Uri(), Tokens.For("first"));
        _tenant = (await hub.Hello()).GetProperty("tenant").GetProperty("id").GetGuid();
    }

    public ValueTask DisposeAsync() => _nodes.DisposeAsync();

    /// <summary>A room that nobody else has heard of.</summary>
    public (string Key, Guid Id) NewRoom()
    {
        string key = "room " + Guid.NewGuid().ToString("N")[..12];
        return (key, Tokens.RoomOf(_tenant, key));
    }
}
