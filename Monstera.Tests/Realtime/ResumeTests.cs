using System.Text.Json;
using Monstera.Data.Rooms;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Realtime;

/// <summary>Resume closes the gap or says how it stands: never silently partial.</summary>
public sealed class ResumeTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private readonly (string Key, Guid Id) _room = shared.NewRoom();

    [Fact]
    public async Task Zero_reads_the_log_from_its_beginning()
    {
        await using HubSocket hub = await shared.Server.Connect("aoi", [_room.Key]);
        await hub.Send(_room.Id, "おはよう");

        JsonElement answer = await hub.Resume(_room.Id, 0);

        Assert.Equal("complete", answer.GetProperty("status").GetString());
        JsonElement[] events = [.. answer.GetProperty("events").EnumerateArray()];
        Assert.Equal(["room.created", "member.joined", "message.created"], events.Select(e => e.GetProperty("type").GetString()!));
        Assert.Equal([1, 2, 3], events.Select(e => e.GetProperty("seq").GetInt32()));
        Assert.All(events, e => Assert.False(e.TryGetProperty("room", out _), "The room stands beside the list."));
        Assert.Equal((3, 3), (answer.GetProperty("head").GetInt32(), answer.GetProperty("next").GetInt32()));
        Assert.Equal(1, answer.GetProperty("epoch").GetInt32());
    }

    [Fact]
    public async Task Without_a_cursor_it_is_complete_at_the_head_without_events_and_live()
    {
        SeenMessages seen = new();
        await using HubSocket hub = await shared.Server.Connect("aoi", [_room.Key], new HubSocketOptions { Received = seen.Take });

        JsonElement answer = await hub.Resume(_room.Id);

        Assert.Equal("complete", answer.GetProperty("status").GetString());
        Assert.Empty(answer.GetProperty("events").EnumerateArray());
        Assert.Equal(2, answer.GetProperty("next").GetInt32());
        await hub.Send(_room.Id, "live");
        await seen.Changed.Until(() => seen.Seqs.Contains(3), "the live event");
    }

    [Fact]
    public async Task Cursors_of_another_log_are_reset()
    {
        await using HubSocket hub = await shared.Server.Connect("aoi", [_room.Key]);

        JsonElement beyond = await hub.Resume(_room.Id, 3, 1);
        JsonElement epoch = await hub.Resume(_room.Id, 1, 2);
        JsonElement epochAtHead = await hub.Resume(_room.Id, 2, 7);

        foreach (JsonElement answer in (JsonElement[])[beyond, epoch, epochAtHead])
        {
            Assert.Equal("reset", answer.GetProperty("status").GetString());
            Assert.Equal((1, 2), (answer.GetProperty("epoch").GetInt32(), answer.GetProperty("head").GetInt32()));
            Assert.False(answer.TryGetProperty("events", out _));
            Assert.False(answer.TryGetProperty("next", out _));
        }
    }

    [Fact]
    public async Task A_long_log_comes_in_parts_without_a_hole()
    {
        await using HubSocket hub = await shared.Server.Connect("aoi", [_room.Key]);
        await Task.WhenAll(Enumerable.Range(0, 1_200).Select(i => hub.Start("Send", new { room = _room.Id, clientId = Guid.NewGuid(), text = $"{i}" })));

        SeenMessages seen = new();
        await using HubSocket reader = await shared.Server.Connect("aoi", [_room.Key], new HubSocketOptions { Received = seen.Take });
        JsonElement first = await reader.Resume(_room.Id, 0);
        Assert.Equal("more", first.GetProperty("status").GetString());
        Assert.Equal(500, first.GetProperty("events").GetArrayLength());
        Assert.Equal((500, 1_202), (first.GetProperty("next").GetInt32(), first.GetProperty("head").GetInt32()));

        // Not subscribed yet: what is said now comes with the parts, not by itself.
        long extra = (await hub.Send(_room.Id, "meanwhile")).Seq();
        JsonElement second = await reader.Resume(_room.Id, 500, 1);
        JsonElement third = await reader.Resume(_room.Id, second.GetProperty("next").GetInt64(), 1);
        Assert.Equal("complete", third.GetProperty("status").GetString());
        long[] seqs = [.. new[] { first, second, third }.SelectMany(part => part.GetProperty("events").EnumerateArray()).Select(e => e.GetProperty("seq").GetInt64())];
        Assert.Equal(Enumerable.Range(1, (int)extra).Select(i => (long)i), seqs);
        Assert.Empty(seen.Seqs);
    }

    [Fact]
    public async Task A_hundred_rooms_fit_into_a_call_and_one_more_does_not()
    {
        string[] keys = [.. Enumerable.Range(0, 100).Select(i => $"{_room.Key} {i}")];
        await using HubSocket hub = await shared.Server.Connect("many", keys);
        object[] rooms = [.. keys.Select(key => new { room = Tokens.RoomOf(shared.Tenant, key), seq = 0 })];

        JsonElement answer = await hub.Call("Resume", new { rooms });

        JsonElement[] answers = [.. answer.GetProperty("rooms").EnumerateArray()];
        Assert.Equal(100, answers.Length);
        Assert.Equal(keys.Select(key => Tokens.RoomOf(shared.Tenant, key)), answers.Select(one => one.GetProperty("room").GetGuid()));
        Assert.All(answers, one => Assert.Equal("complete", one.GetProperty("status").GetString()));
        Assert.Equal("invalid", (await hub.Call("Resume", new { rooms = rooms.Append(new { room = _room.Id, seq = 0 }) })).Code());
    }

    [Fact]
    public async Task Rooms_that_got_no_turn_are_answered_more_without_events()
    {
        string[] keys = [.. Enumerable.Range(0, 20).Select(i => $"{_room.Key} {i}")];
        await using HubSocket hub = await shared.Server.Connect("large", keys);
        Dictionary<Guid, long> cursors = keys.ToDictionary(key => Tokens.RoomOf(shared.Tenant, key), _ => 0L);
        foreach (Guid room in cursors.Keys)
        {
            await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => hub.Send(room, new string('x', 9_000))));
        }

        int calls = 0;
        int without = 0;
        while (cursors.Count > 0)
        {
            Assert.True(++calls < 50, "It makes no progress.");
            JsonElement answer = await hub.Call("Resume", new { rooms = cursors.Select(cursor => new { room = cursor.Key, seq = cursor.Value }) });
            Assert.InRange(answer.GetRawText().Length, 1, 300_000);
            foreach (JsonElement one in answer.GetProperty("rooms").EnumerateArray())
            {
                Guid room = one.GetProperty("room").GetGuid();
                JsonElement[] events = [.. one.GetProperty("events").EnumerateArray()];
                Assert.Equal(Enumerable.Range(1, events.Length).Select(i => cursors[room] + i), events.Select(e => e.GetProperty("seq").GetInt64()));
                Assert.Equal(cursors[room] + events.Length, one.GetProperty("next").GetInt64());
                without += events.Length == 0 ? 1 : 0;
                cursors[room] = one.GetProperty("next").GetInt64();
                if (one.GetProperty("status").GetString() == "complete")
                {
                    Assert.Equal(one.GetProperty("head").GetInt64(), cursors[room]);
                    cursors.Remove(room);
                }
            }
        }

        Assert.True(without > 0, "The bound was never reached.");
    }

    [Fact]
    public async Task Rooms_that_are_not_yours_are_not_found()
    {
        await using HubSocket stranger = await shared.Server.Connect("stranger", []);
        await using HubSocket member = await shared.Server.Connect("aoi", [_room.Key]);
        await using HubSocket foreign = await HubSocket.Connect(shared.Server.Uri(), Tokens.Make("aoi", [_room.Key], tenant: "elsewhere"));
        await foreign.Hello();

        Assert.Equal("not_found", (await stranger.Resume(_room.Id, 0)).Code());
        Assert.Equal("not_found", (await foreign.Resume(_room.Id, 0)).Code());
        Assert.Equal("not_found", (await member.Resume(Guid.NewGuid(), 0)).Code());
        Assert.Equal("not_found", (await foreign.Send(_room.Id, "hello")).Code());
        Assert.Equal("not_found", (await foreign.Call("MarkRead", new { room = _room.Id, seq = 1 })).Code());
        Assert.Equal("not_found", (await foreign.Call("Open", new { room = _room.Id })).Code());
        Assert.Equal("not_found", (await foreign.Call("Typing", new { room = _room.Id })).Code());
        Assert.Equal("not_found", (await foreign.Call("Edit", new { room = _room.Id, seq = 1, text = "a" })).Code());
        Assert.Equal("complete", (await member.Resume(_room.Id, 0)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task Cursors_that_make_no_sense_are_invalid()
    {
        await using HubSocket hub = await shared.Server.Connect("aoi", [_room.Key]);

        Assert.Equal("invalid", (await hub.Call("Resume", new { rooms = new[] { new { room = _room.Id, seq = -1 } } })).Code());
        Assert.Equal("invalid", (await hub.Call("Resume", new { rooms = new[] { new { room = _room.Id, epoch = 1 } } })).Code());
    }

    [Fact]
    public async Task The_same_room_twice_is_answered_twice_and_delivered_once()
    {
        SeenMessages seen = new();
        await using HubSocket hub = await shared.Server.Connect("aoi", [_room.Key], new HubSocketOptions { Received = seen.Take });
        JsonElement answer = await hub.Call("Resume", new { rooms = new[] { new { room = _room.Id, seq = 0 }, new { room = _room.Id, seq = 2 } } });
        Assert.Equal(2, answer.GetProperty("rooms").GetArrayLength());

        await hub.Send(_room.Id, "one");
        await hub.Send(_room.Id, "two");
        await seen.Changed.Until(() => seen.Seqs.Contains(4), "the second message");
        Assert.Equal([3, 4], seen.Seqs);
    }

    [Fact]
    public async Task Events_that_overtake_the_answer_leave_no_hole()
    {
        await using RunningServer server = await LiveServer.Start(null, null, [], GatedRoomStore.Use);
        GatedRoomStore store = (GatedRoomStore)server.Get<IRoomStore>();
        await using ChatClient writer = await server.Client("writer", ["general"]);
        Guid room = Tokens.RoomOf(writer.Tenant, "general");
        await writer.Send(room, "before");
        await using ChatClient reader = await server.Client("reader", ["general"]);

        // The reader's log was read; before it is subscribed, more is said.
        Gate gate = new();
        store.AfterReadAfter = _ => gate.Pass();
        RoomLog log = reader.Follow(room);
        await gate.Reached;
        long last = 0;
        for (int i = 0; i < 5; i++)
        {
            last = (await writer.Send(room, $"between {i}")).Seq();
        }

        store.AfterReadAfter = null;
        gate.Open();
        await reader.Reach(log, last);
        last = (await writer.Send(room, "after")).Seq();
        await reader.Reach(log, last);
        Assert.Equal(Enumerable.Range(1, (int)last).Select(i => (long)i), log.Events.Select(e => e.Seq));
        Assert.Equal(0, log.Gaps);
        Assert.Empty(reader.Faults);
    }

    [Fact]
    public async Task Resuming_again_and_again_while_others_write_loses_nothing()
    {
        await using ChatClient writer = await shared.Server.Client("writer", [_room.Key]);
        await using ChatClient reader = await shared.Server.Client("reader", [_room.Key]);
        RoomLog log = reader.Follow(_room.Id);
        Task<JsonElement>[] sends = [.. Enumerable.Range(0, 400).Select(i => writer.Send(_room.Id, $"{i}"))];
        for (int i = 0; i < 40; i++)
        {
            // Another subscription takes the place of the one before, with events under way.
            await reader.Hub.Resume(_room.Id);
        }

        await Task.WhenAll(sends);

        // Who resumes without a cursor is told where the log stands, and the reader does not look: the event after the last resumption shows it what it lacks.
        long last = (await writer.Send(_room.Id, "last")).Seq();
        await reader.Reach(log, last);
        Assert.Equal(Enumerable.Range(1, (int)last).Select(i => (long)i), log.Events.Select(e => e.Seq));
        Assert.Empty(reader.Faults);
    }
}
