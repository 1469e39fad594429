using System.Text.Json;
using Monstera.Data.Rooms;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Realtime;

/// <summary>When a node dies, its people come to the others at once. It must not cost the storage a reading for each.</summary>
public sealed class ResumeStormTests
{
    private const int Clients = 200;
    private const int Missed = 20;

    /// <summary>A node on which nobody was in the room yet, and one on which somebody is.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_hundred_who_resume_at_once_cost_a_few_readings(bool isLive)
    {
        await using RunningServer server = await LiveServer.Start(null, null, [("Limits:ConnectionsPerUser", "1000")], GatedRoomStore.Use);
        GatedRoomStore store = (GatedRoomStore)server.Get<IRoomStore>();
        await using HubSocket writer = await server.Connect("writer", ["general"]);
        Guid room = (await writer.Call("Rooms", new { })).GetProperty("items")[0].GetProperty("id").GetGuid();
        if (isLive)
        {
            await writer.Resume(room);
        }

        HubSocket[] hubs = await Task.WhenAll(Enumerable.Range(0, Clients).Select(i => server.Connect($"user{i % 20}", ["general"])));
        long from = (await writer.Send(room, "the last that they have")).Seq();
        for (int i = 0; i < Missed; i++)
        {
            await writer.Send(room, $"missed {i}");
        }

        // The first reading holds until all have asked.
        Gate gate = new();
        int before = store.LogReads + store.StandingReads;
        store.AfterReadAfter = _ => gate.Pass();
        Task<JsonElement>[] answers = [.. hubs.Select(hub => hub.Resume(room, from))];
        await gate.Reached;
        await Task.WhenAll(hubs.Select(hub => hub.Call("Nothing", new { })));
        store.AfterReadAfter = null;
        gate.Open();
        foreach (JsonElement answer in await Task.WhenAll(answers))
        {
            Assert.Equal("complete", answer.GetProperty("status").GetString());
            Assert.Equal(
                Enumerable.Range(1, Missed).Select(i => from + i), answer.GetProperty("events").EnumerateArray().Select(e => e.GetProperty("seq").GetInt64()));
        }

        int readings = store.LogReads + store.StandingReads - before;
        TestContext.Current.TestOutputHelper?.WriteLine($"{Clients} resumptions: {readings} readings");
        Assert.InRange(readings, 1, 4);

        // All are live.
        SeenMessages seen = new();
        await using HubSocket late = await server.Connect("late", ["general"], new HubSocketOptions { Received = seen.Take });
        await late.Resume(room, from);
        long last = (await writer.Send(room, "for all")).Seq();
        await seen.Changed.Until(() => seen.Seqs.Contains(last), "the event");
        await Task.WhenAll(hubs.Select(hub => hub.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task Who_was_removed_gets_nothing_out_of_the_tail_whatever_cursor_it_invents()
    {
        await using RunningServer server = await LiveServer.Start(null, null, [], GatedRoomStore.Use);
        RestClient owner = await server.SetUp();
        RestClient other = await server.Register("other");
        Guid room = (await owner.Post("/api/rooms", new { kind = "private", name = "Plans", members = new[] { other.UserId } })).IsStatus(201)["id"].GetGuid();
        await using HubSocket ofOwner = await HubSocket.Connect(server.Uri(), owner.Token);
        await ofOwner.Hello();
        await using HubSocket ofOther = await HubSocket.Connect(server.Uri(), other.Token);
        await ofOther.Hello();
        await ofOwner.Resume(room, 0);
        long seq = (await ofOwner.Send(room, "both may read this")).Seq();
        Assert.Equal("complete", (await ofOther.Resume(room, seq - 1)).GetProperty("status").GetString());

        // Removed, and then more is said, all of it in the tail.
        (await owner.Delete($"/api/rooms/{room}/members/{other.UserId}")).IsStatus(204);
        long secret = (await ofOwner.Send(room, "only I may read this")).Seq();
        GatedRoomStore store = (GatedRoomStore)server.Get<IRoomStore>();
        int before = store.LogReads;
        foreach (long cursor in (long[])[0, seq, secret - 1, secret])
        {
            Assert.Equal("not_found", (await ofOther.Resume(room, cursor, 1)).Code());
        }

        Assert.Equal(before, store.LogReads);

        // Together with one who may.
        Gate gate = new();
        store.AfterReadAfter = _ => gate.Pass();
        Task<JsonElement> first = ofOwner.Resume(room, secret - 1);
        await gate.Reached;
        Task<JsonElement>[] both = [ofOwner.Resume(room, secret - 1), ofOther.Resume(room, secret - 1)];
        await Task.WhenAll(ofOwner.Call("Nothing", new { }), ofOther.Call("Nothing", new { }));
        store.AfterReadAfter = null;
        gate.Open();
        Assert.Equal("only I may read this", (await first).GetProperty("events")[0].GetProperty("text").GetString());
        Assert.Equal("only I may read this", (await both[0]).GetProperty("events")[0].GetProperty("text").GetString());
        Assert.Equal("not_found", (await both[1]).Code());
    }

    [Fact]
    public async Task Nobody_is_answered_from_what_was_read_before_it_asked()
    {
        await using RunningServer server = await LiveServer.Start(null, null, [], GatedRoomStore.Use);
        GatedRoomStore store = (GatedRoomStore)server.Get<IRoomStore>();
        RestClient owner = await server.SetUp();
        RestClient other = await server.Register("other");
        Guid room = (await owner.Post("/api/rooms", new { kind = "private", name = "Plans" })).IsStatus(201)["id"].GetGuid();
        await using HubSocket ofOwner = await HubSocket.Connect(server.Uri(), owner.Token);
        await ofOwner.Hello();
        await using HubSocket ofOther = await HubSocket.Connect(server.Uri(), other.Token);
        await ofOther.Hello();
        await ofOwner.Resume(room, 0);

        Gate gate = new();
        store.AfterReadAfter = _ => gate.Pass();
        Task<JsonElement> first = ofOwner.Resume(room, 1);
        await gate.Reached;
        store.AfterReadAfter = null;
        (await owner.Put($"/api/rooms/{room}/members/{other.UserId}", new { })).IsStatus(204);
        Task<JsonElement> second = ofOther.Resume(room);
        gate.Open();
        Assert.Equal("complete", (await first).GetProperty("status").GetString());
        Assert.Equal("complete", (await second).GetProperty("status").GetString());
    }

    [Fact]
    public async Task What_was_deleted_is_not_in_the_tail_any_more()
    {
        await using RunningServer server = await LiveServer.Start(null, null, [], GatedRoomStore.Use);
        GatedRoomStore store = (GatedRoomStore)server.Get<IRoomStore>();
        await using HubSocket writer = await server.Connect("writer", ["general"]);
        Guid room = (await writer.Call("Rooms", new { })).GetProperty("items")[0].GetProperty("id").GetGuid();
        await writer.Resume(room);
        long from = (await writer.Send(room, "before")).Seq();
        long regretted = (await writer.Send(room, "a regretted word")).Seq();
        await writer.Call("Edit", new { room, seq = regretted, text = "a regretted word, once more" });
        await writer.Send(room, "an answer");
        await writer.Call("Delete", new { room, seq = regretted });

        await using HubSocket reader = await server.Connect("reader", ["general"]);
        int before = store.LogReads;
        JsonElement fromTail = await reader.Resume(room, from);
        Assert.Equal(before, store.LogReads);
        Assert.DoesNotContain("regretted", fromTail.GetRawText(), StringComparison.Ordinal);

        // As the log has it.
        JsonElement[] events = [.. fromTail.GetProperty("events").EnumerateArray()];
        Assert.Equal(["message.created", "message.edited", "message.created", "message.deleted"], events.Take(4).Select(e => e.GetProperty("type").GetString()!));
        Assert.True(events[0].GetProperty("deleted").GetBoolean());
        Assert.True(events[1].GetProperty("deleted").GetBoolean());
        Assert.False(events[2].TryGetProperty("deleted", out _));
        Answer log = (await new RestClient(server.Address) { Token = Tokens.For("reader", "general") }.Get($"/api/rooms/{room}/events?seq={from}")).IsStatus(200);
        Assert.Equal(
            log["events"].EnumerateArray().Select(Canonical),
            events.Select(Canonical).Take(log["events"].GetArrayLength()));
    }

    [Fact]
    public async Task Those_further_behind_than_the_others_are_answered_whole_too()
    {
        await using RunningServer server = await LiveServer.Start(null, null, [], GatedRoomStore.Use);
        GatedRoomStore store = (GatedRoomStore)server.Get<IRoomStore>();
        await using HubSocket writer = await server.Connect("writer", ["general"]);
        Guid room = (await writer.Call("Rooms", new { })).GetProperty("items")[0].GetProperty("id").GetGuid();
        await Task.WhenAll(Enumerable.Range(0, 1_300).Select(i => writer.Start("Send", new { room, clientId = Guid.NewGuid(), text = $"{i}" })));
        long head = (await writer.Send(room, "the last")).Seq();
        HubSocket[] hubs = await Task.WhenAll(Enumerable.Range(0, 5).Select(i => server.Connect($"user{i}", ["general"])));
        head += 5;
        long[] cursors = [head, head - 1, head - 400, head - 700, 0];

        Gate gate = new();
        store.AfterReadAfter = _ => gate.Pass();
        Task<JsonElement>[] answers = [.. hubs.Select((hub, i) => hub.Resume(room, cursors[i], 1))];
        await gate.Reached;
        await Task.WhenAll(hubs.Select(hub => hub.Call("Nothing", new { })));
        store.AfterReadAfter = null;
        gate.Open();
        for (int i = 0; i < hubs.Length; i++)
        {
            JsonElement answer = await answers[i];
            int expected = (int)Math.Min(head - cursors[i], 500);
            Assert.Equal(Enumerable.Range(1, expected).Select(n => cursors[i] + n), answer.GetProperty("events").EnumerateArray().Select(e => e.GetProperty("seq").GetInt64()));
            Assert.Equal(head - cursors[i] <= 500 ? "complete" : "more", answer.GetProperty("status").GetString());
            await hubs[i].DisposeAsync();
        }
    }

    private static string Canonical(JsonElement e) =>
        string.Join(',', e.EnumerateObject().OrderBy(field => field.Name, StringComparer.Ordinal).Select(field => $"{field.Name}={field.Value.GetRawText()}"));
}
