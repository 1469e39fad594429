using System.Text.Json;
using Monstera.Data.Ids;
using Monstera.Server.Accounts;
using Monstera.Server.Rooms;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Realtime;

/// <summary>Who is no longer a member sees the event that says so, and nothing after it.</summary>
public sealed class RemovalTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private readonly (string Key, Guid Id) _room = shared.NewRoom();

    [Fact]
    public async Task Delivery_stops_at_exactly_the_event_while_a_flood_goes_on()
    {
        await using ChatClient owner = await shared.Server.Client("owner", [_room.Key]);
        SeenMessages removed = new();
        await using HubSocket tab1 = await shared.Server.Connect("removed", [_room.Key], new HubSocketOptions { Received = removed.Take });
        SeenMessages removedToo = new();
        await using HubSocket tab2 = await shared.Server.Connect("removed", [_room.Key], new HubSocketOptions { Received = removedToo.Take });
        Guid user = (await tab1.Hello()).GetProperty("user").GetProperty("id").GetGuid();
        await tab1.Resume(_room.Id);
        await tab2.Resume(_room.Id);
        RoomLog log = owner.Follow(_room.Id);

        Task<JsonElement>[] before = [.. Enumerable.Range(0, 1_500).Select(i => owner.Send(_room.Id, $"{i}"))];
        await removed.Changed.Until(() => removed.Events.Length > 100, "the flood");
        Answer answer = await Rest("owner").Delete($"/api/rooms/{_room.Id}/members/{user}");
        Assert.Equal(204, answer.Status);
        Task<JsonElement>[] after = [.. Enumerable.Range(0, 500).Select(i => owner.Send(_room.Id, $"after {i}"))];
        await Task.WhenAll([.. before, .. after]);
        await owner.Reach(log, before.Concat(after).Max(send => send.Result.Seq()));

        SeenEvent left = Assert.Single(log.Events, e => e.Type == "member.left");
        Assert.Equal(user, left.User);
        foreach (SeenMessages seen in (SeenMessages[])[removed, removedToo])
        {
            await seen.Changed.Until(() => seen.Seqs.Contains(left.Seq), "the end of the membership");
        }

        // Whatever was on its way has come when a call is answered after it.
        await tab1.Call("Rooms", new { });
        await tab2.Call("Rooms", new { });
        Assert.Equal(left.Seq, removed.Seqs[^1]);
        Assert.Equal(left.Seq, removedToo.Seqs[^1]);
        Assert.Equal(removed.Seqs.Order().Distinct(), removed.Seqs);
    }

    [Fact]
    public async Task Everything_is_refused_afterwards()
    {
        await using HubSocket owner = await shared.Server.Connect("owner", [_room.Key]);
        SeenMessages seen = new();
        await using HubSocket hub = await shared.Server.Connect("removed", [_room.Key], new HubSocketOptions { Received = seen.Take });
        Guid user = (await hub.Hello()).GetProperty("user").GetProperty("id").GetGuid();
        long own = (await hub.Send(_room.Id, "while a member")).Seq();
        await hub.Resume(_room.Id, 0);
        Assert.Equal(204, (await Rest("owner").Delete($"/api/rooms/{_room.Id}/members/{user}")).Status);
        await seen.Changed.Until(() => seen.Events.Any(e => e.Type == "member.left"), "the end of the membership");

        Assert.Equal("not_found", (await hub.Send(_room.Id, "once more")).Code());
        Assert.Equal("not_found", (await hub.Call("Edit", new { room = _room.Id, seq = own, text = "changed" })).Code());
        Assert.Equal("not_found", (await hub.Call("Delete", new { room = _room.Id, seq = own })).Code());
        Assert.Equal("not_found", (await hub.Call("React", new { room = _room.Id, seq = own, emoji = "x" })).Code());
        Assert.Equal("not_found", (await hub.Call("Pin", new { room = _room.Id, seq = own })).Code());
        Assert.Equal("not_found", (await hub.Call("MarkRead", new { room = _room.Id, seq = own })).Code());
        Assert.Equal("not_found", (await hub.Resume(_room.Id, 0)).Code());
        Assert.Equal("not_found", (await hub.Call("Open", new { room = _room.Id })).Code());
        Assert.Equal("not_found", (await hub.Call("Typing", new { room = _room.Id })).Code());
        RestClient rest = Rest("removed");
        Assert.Equal(404, (await rest.Get($"/api/rooms/{_room.Id}/messages")).Status);
        Assert.Equal(404, (await rest.Get($"/api/rooms/{_room.Id}/messages/{own}")).Status);
        Assert.Equal(404, (await rest.Get($"/api/rooms/{_room.Id}/events?seq=0&epoch=1")).Status);
        Assert.Equal(404, (await rest.Get($"/api/rooms/{_room.Id}/members")).Status);
        Assert.Equal(404, (await rest.Get($"/api/rooms/{_room.Id}")).Status);
        Assert.DoesNotContain((await hub.Call("Rooms", new { })).GetProperty("items").EnumerateArray(), room => room.GetProperty("id").GetGuid() == _room.Id);
    }

    [Fact]
    public async Task Who_leaves_and_comes_back_is_live_again()
    {
        await using ChatClient owner = await shared.Server.Client("owner", [_room.Key]);
        SeenMessages seen = new();
        await using HubSocket hub = await shared.Server.Connect("returning", [_room.Key], new HubSocketOptions { Received = seen.Take });
        Guid user = (await hub.Hello()).GetProperty("user").GetProperty("id").GetGuid();
        long cursor = (await hub.Resume(_room.Id, 0)).GetProperty("next").GetInt64();
        for (int round = 0; round < 10; round++)
        {
            Assert.Equal(204, (await Rest("returning").Post($"/api/rooms/{_room.Id}/leave")).Status);
            Assert.Equal(204, (await Rest("owner").Put($"/api/rooms/{_room.Id}/members/{user}")).Status);
            await hub.Resume(_room.Id, cursor);
            long seq = (await owner.Send(_room.Id, $"welcome back {round}")).Seq();
            await seen.Changed.Until(() => seen.Seqs.Contains(seq), $"live in round {round}");
        }
    }

    [Fact]
    public async Task The_end_between_the_read_and_the_subscription_is_seen_too()
    {
        await using RunningServer server = await LiveServer.Start(null, null, [], GatedRoomStore.Use);
        GatedRoomStore store = (GatedRoomStore)server.Get<Monstera.Data.Rooms.IRoomStore>();
        await using HubSocket owner = await server.Connect("owner", ["general"]);
        SeenMessages seen = new();
        await using HubSocket hub = await server.Connect("removed", ["general"], new HubSocketOptions { Received = seen.Take });
        JsonElement hello = await hub.Hello();
        Guid user = hello.GetProperty("user").GetProperty("id").GetGuid();
        Guid room = Tokens.RoomOf(hello.GetProperty("tenant").GetProperty("id").GetGuid(), "general");
        Gate gate = new();
        store.AfterReadAfter = reader => reader!.Value.Value == user ? gate.Pass() : Task.CompletedTask;

        Task<JsonElement> resume = hub.Resume(room);
        await gate.Reached;
        RestClient rest = new(server.Address) { Token = Tokens.For("owner", "general") };
        Assert.Equal(204, (await rest.Delete($"/api/rooms/{room}/members/{user}")).Status);
        await owner.Send(room, "not for these eyes");
        gate.Open();
        long next = (await resume).GetProperty("next").GetInt64();

        await seen.Changed.Until(() => seen.Events.Length > 0, "the end of the membership");
        await owner.Send(room, "nor this");
        await hub.Call("Rooms", new { });
        SeenEvent only = Assert.Single(seen.Events);
        Assert.Equal(("member.left", next + 1), (only.Type, only.Seq));
    }

    [Fact]
    public async Task A_batch_with_the_end_in_its_middle_is_seen_up_to_there()
    {
        await using RunningServer server = await LiveServer.Start(null, null, [], GatedRoomStore.Use);
        GatedRoomStore store = (GatedRoomStore)server.Get<Monstera.Data.Rooms.IRoomStore>();
        SeenMessages all = new();
        await using HubSocket owner = await server.Connect("owner", ["general"], new HubSocketOptions { Received = all.Take });
        SeenMessages seen = new();
        await using HubSocket hub = await server.Connect("removed", ["general"], new HubSocketOptions { Received = seen.Take });
        JsonElement hello = await hub.Hello();
        UserId user = new(hello.GetProperty("user").GetProperty("id").GetGuid());
        TenantId tenant = new(hello.GetProperty("tenant").GetProperty("id").GetGuid());
        UserId ownerId = new((await owner.Hello()).GetProperty("user").GetProperty("id").GetGuid());
        Guid room = Tokens.RoomOf(tenant.Value, "general");
        await owner.Resume(room);
        await hub.Resume(room);
        Gate gate = new();
        store.BeforeAppend = _ => gate.Pass();
        Task<JsonElement> holds = owner.Start("Send", new { room, clientId = Guid.NewGuid(), text = "holds the writer" });
        await gate.Reached;

        // All of this is one batch, and one frame for those who stay.
        Task<JsonElement>[] before = [.. Enumerable.Range(0, 5).Select(i => owner.Start("Send", new { room, clientId = Guid.NewGuid(), text = $"before {i}" }))];
        await owner.Call("Rooms", new { });
        Task removal = server.Get<RoomActions>().RemoveMember(new Caller(tenant, ownerId, null, null), new RoomId(room), user);
        Task<JsonElement>[] after = [.. Enumerable.Range(0, 5).Select(i => owner.Start("Send", new { room, clientId = Guid.NewGuid(), text = $"after {i}" }))];
        await owner.Call("Rooms", new { });
        gate.Open();
        await Task.WhenAll([holds, .. before, .. after]);
        await removal;

        await all.Changed.Until(() => all.Events.Length == 12, "all events");
        Assert.Equal("member.left", all.Events[6].Type);
        await seen.Changed.Until(() => seen.Events.Length >= 7, "the end of the membership");
        await hub.Call("Rooms", new { });
        Assert.Equal(all.Seqs[..7], seen.Seqs);
    }

    private RestClient Rest(string user) => new(shared.Server.Address) { Token = Tokens.For(user) };
}
