using System.Text.Json;
using Monstera.Data;
using Monstera.Data.Rooms;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Realtime;

/// <summary>What an acknowledgement means: durable, once, in order.</summary>
public sealed class OrderTests : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _opened = [];

    public async ValueTask DisposeAsync()
    {
        for (int i = _opened.Count - 1; i >= 0; i--)
        {
            await _opened[i].DisposeAsync();
        }
    }

    [Fact]
    public async Task Sends_that_do_not_wait_for_each_other_get_their_seq_in_order()
    {
        (RunningServer server, HubSocket hub, Guid room) = await Open();

        JsonElement[] answers = await Task.WhenAll(Enumerable.Range(0, 500).Select(i =>
            hub.Start("Send", new { room, clientId = Guid.NewGuid(), text = $"{i}" })));

        long first = answers[0].Seq();
        Assert.Equal(Enumerable.Range(0, 500).Select(i => first + i), answers.Select(answer => answer.Seq()));
        server.AssertNoErrors();
    }

    [Fact]
    public async Task Other_writes_stand_in_the_same_order()
    {
        (_, HubSocket hub, Guid room) = await Open();
        long target = (await hub.Send(room, "target")).Seq();

        List<Task<JsonElement>> calls = [];
        for (int i = 0; i < 50; i++)
        {
            calls.Add(hub.Start("Edit", new { room, seq = target, text = $"edit {i}" }));
            calls.Add(hub.Start("React", new { room, seq = target, emoji = $"e{i % 5}", on = i / 5 % 2 == 0 }));
            calls.Add(hub.Start("Send", new { room, clientId = Guid.NewGuid(), text = $"{i}" }));
        }

        Assert.Equal(Enumerable.Range(1, 150).Select(i => target + i), (await Task.WhenAll(calls)).Select(answer => answer.Seq()));
    }

    [Fact]
    public async Task Two_calls_do_not_wait_for_each_other()
    {
        (RunningServer server, HubSocket hub, Guid room) = await Open();
        Gate gate = new();
        Store(server).BeforeAppend = _ => gate.Pass();

        Task<JsonElement> send = hub.Start("Send", new { room, clientId = Guid.NewGuid(), text = "waits for the disk" });
        await gate.Reached;
        Assert.Null((await hub.Call("Rooms", new { })).Code());
        Assert.False(send.IsCompleted);
        gate.Open();
        Assert.Null((await send).Code());
    }

    [Fact]
    public async Task A_send_is_acknowledged_and_shown_only_after_its_commit()
    {
        (RunningServer server, HubSocket hub, Guid room) = await Open();
        ChatClient reader = Keep(await server.Client("reader", ["general"]));
        RoomLog log = reader.Follow(room);
        await reader.Changed.Until(() => log.Live, "the reader to be live");
        long before = log.Last;
        Gate gate = new();
        Store(server).BeforeAppend = _ => gate.Pass();

        Task<JsonElement> send = hub.Start("Send", new { room, clientId = Guid.NewGuid(), text = "not yet" });
        await gate.Reached;
        for (int i = 0; i < 20; i++)
        {
            Assert.Null((await hub.Call("Rooms", new { })).Code());
            Assert.Null((await reader.Hub.Call("Rooms", new { })).Code());
        }

        Assert.False(send.IsCompleted, "The send was acknowledged before it was on disk.");
        Assert.Equal(before, log.Last);
        gate.Open();
        Assert.Equal(before + 1, (await send).Seq());
        await reader.Reach(log, before + 1);
    }

    [Fact]
    public async Task A_resend_on_another_connection_stores_nothing_and_returns_the_first_answer()
    {
        (RunningServer server, HubSocket hub, Guid room) = await Open();
        Guid clientId = Guid.NewGuid();
        JsonElement first = await hub.Send(room, "once", clientId);
        await hub.Send(room, "between");
        HubSocket other = Keep(await server.Connect("aoi", ["general"]));

        Assert.Equal(first.GetRawText(), (await other.Send(room, "once", clientId)).GetRawText());
        Assert.Equal(first.GetRawText(), (await other.Send(room, "another text", clientId)).GetRawText());
        JsonElement[] both = await Task.WhenAll(hub.Send(room, "twice", Guid.Empty), other.Send(room, "twice", Guid.Empty));
        Assert.Equal(both[0].Seq(), both[1].Seq());
        Assert.Equal(both[0].Seq(), (await other.Resume(room)).GetProperty("head").GetInt64());
    }

    [Fact]
    public async Task The_same_client_id_of_somebody_else_is_another_message()
    {
        (RunningServer server, HubSocket hub, Guid room) = await Open();
        HubSocket other = Keep(await server.Connect("beni", ["general"]));
        Guid clientId = Guid.NewGuid();

        Assert.NotEqual((await hub.Send(room, "mine", clientId)).Seq(), (await other.Send(room, "mine too", clientId)).Seq());
    }

    [Fact]
    public async Task A_resend_after_a_restart_returns_the_first_answer()
    {
        string folder = Directory.CreateTempSubdirectory("monstera-test-").FullName;
        Guid clientId = Guid.NewGuid();
        JsonElement first;
        Guid room;
        await using (RunningServer before = await LiveServer.Start(null, folder, []))
        {
            await using HubSocket hub = await before.Connect("aoi", ["general"]);
            room = await RoomOf(hub);
            first = await hub.Send(room, "once", clientId);
            await before.Stop();
        }

        await using (RunningServer after = await LiveServer.Start(null, folder, []))
        {
            await using HubSocket hub = await after.Connect("aoi", ["general"]);
            Assert.Equal(first.GetRawText(), (await hub.Send(room, "once", clientId)).GetRawText());
            Assert.Equal(first.Seq(), (await hub.Resume(room)).GetProperty("head").GetInt64());
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_commit_whose_outcome_got_lost_is_settled_by_the_client_id_and_reaches_the_readers()
    {
        (RunningServer server, HubSocket hub, Guid room) = await Open(("Realtime:HeadComparisonSeconds", "1"));
        ChatClient reader = Keep(await server.Client("reader", ["general"]));
        RoomLog log = reader.Follow(room);
        await reader.Changed.Until(() => log.Live, "the reader to be live");
        Store(server).AfterAppend = _ => throw new StorageUnavailableException("the answer of the disk got lost");
        Guid clientId = Guid.NewGuid();

        JsonElement answer = await hub.Send(room, "in doubt", clientId);
        Assert.Equal("unavailable", answer.Code());
        Assert.NotNull(answer.RetryAfterMs());

        // Nobody sends anything after it: only the comparison of heads can find it.
        await reader.Changed.Until(() => log.Events.Any(e => e.ClientId == clientId), "the event that nobody announced");
        Store(server).AfterAppend = null;
        Assert.Equal(log.Last, (await hub.Send(room, "in doubt", clientId)).Seq());
        Assert.Single(log.Events, e => e.Text == "in doubt");
    }

    [Fact]
    public async Task When_the_storage_fails_sends_get_unavailable_and_reads_go_on()
    {
        (RunningServer server, HubSocket hub, Guid room) = await Open();
        long head = (await hub.Send(room, "before")).Seq();
        Store(server).BeforeAppend = _ => throw new StorageUnavailableException("no disk");

        JsonElement[] answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => hub.Send(room, $"{i}")));
        Assert.All(answers, answer => Assert.Equal("unavailable", answer.Code()));
        Assert.All(answers, answer => Assert.True(answer.RetryAfterMs() > 0));
        Assert.Equal(head, (await hub.Resume(room, 0)).GetProperty("head").GetInt64());
        Store(server).BeforeAppend = null;
        Assert.Equal(head + 1, (await hub.Send(room, "after")).Seq());
    }

    [Fact]
    public async Task A_bug_in_the_write_path_is_answered_and_does_not_end_it()
    {
        (RunningServer server, HubSocket hub, Guid room) = await Open();
        Store(server).BeforeAppend = _ => throw new InvalidOperationException("a bug");

        Assert.Equal("internal", (await hub.Send(room, "falls into the bug")).Code());
        Store(server).BeforeAppend = null;
        Assert.Null((await hub.Send(room, "after")).Code());
    }

    [Fact]
    public async Task A_refused_draft_harms_no_other_of_its_batch()
    {
        (RunningServer server, HubSocket hub, Guid room) = await Open();
        Gate gate = new();
        Store(server).BeforeAppend = _ => gate.Pass();
        Task<JsonElement> holds = hub.Start("Send", new { room, clientId = Guid.NewGuid(), text = "holds the writer" });
        await gate.Reached;

        Task<JsonElement>[] batch =
        [
            hub.Start("Send", new { room, clientId = Guid.NewGuid(), text = "good" }),
            hub.Start("Send", new { room, clientId = Guid.NewGuid(), text = "bad", replyTo = 9_999 }),
            hub.Start("Edit", new { room, seq = 9_999, text = "bad" }),
            hub.Start("Send", new { room = Guid.NewGuid(), clientId = Guid.NewGuid(), text = "bad" }),
            hub.Start("Send", new { room, clientId = Guid.NewGuid(), text = "good" }),
        ];
        await hub.Call("Rooms", new { });
        gate.Open();

        long first = (await holds).Seq();
        JsonElement[] answers = await Task.WhenAll(batch);
        Assert.Equal([null, "not_found", "not_found", "not_found", null], answers.Select(answer => answer.Code()));
        Assert.Equal((first + 1, first + 2), (answers[0].Seq(), answers[4].Seq()));
    }

    [Fact]
    public async Task A_full_queue_refuses_with_overloaded_and_stores_nothing()
    {
        (RunningServer server, HubSocket hub, Guid room) = await Open(("Limits:WriteQueueMax", "4"));
        Gate gate = new();
        Store(server).BeforeAppend = _ => gate.Pass();
        Task<JsonElement> holds = hub.Start("Send", new { room, clientId = Guid.NewGuid(), text = "holds the writer" });
        await gate.Reached;

        Guid[] ids = [.. Enumerable.Range(0, 20).Select(_ => Guid.NewGuid())];
        Task<JsonElement>[] calls = [.. ids.Select(clientId => hub.Start("Send", new { room, clientId, text = $"{clientId}" }))];
        await hub.Call("Rooms", new { });
        gate.Open();
        JsonElement[] answers = await Task.WhenAll(calls);

        long first = (await holds).Seq();
        Assert.Equal(4, answers.Count(answer => answer.Code() is null));
        Assert.All(answers[4..], answer => Assert.Equal("overloaded", answer.Code()));
        Assert.All(answers[4..], answer => Assert.True(answer.RetryAfterMs() > 0));
        Assert.Equal(first + 4, (await hub.Resume(room)).GetProperty("head").GetInt64());
        Assert.Equal(first + 5, (await hub.Send(room, "again", ids[10])).Seq());
    }

    private static GatedRoomStore Store(RunningServer server) => (GatedRoomStore)server.Get<IRoomStore>();

    private static async Task<Guid> RoomOf(HubSocket hub) =>
        (await hub.Call("Rooms", new { })).GetProperty("items")[0].GetProperty("id").GetGuid();

    private async Task<(RunningServer Server, HubSocket Hub, Guid Room)> Open(params (string Key, string Value)[] settings)
    {
        RunningServer server = Keep(await LiveServer.Start(null, null, settings, GatedRoomStore.Use));
        HubSocket hub = Keep(await server.Connect("aoi", ["general"]));
        return (server, hub, await RoomOf(hub));
    }

    private T Keep<T>(T opened)
        where T : IAsyncDisposable
    {
        _opened.Add(opened);
        return opened;
    }
}
