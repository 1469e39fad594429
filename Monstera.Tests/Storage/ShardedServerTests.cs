using System.Collections.Concurrent;
using System.Text.Json;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Faults;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Storage;

/// <summary>The server as it is shipped, on three shards, of which the third is a server of its own that crashes.</summary>
[Lengthy]
public sealed class ShardedServerTests : IAsyncDisposable
{
    private const int Shards = 3;

    private readonly PostgresServer _third = PostgresServer.Start();
    private readonly string[] _databases;
    private readonly ConcurrentQueue<Acknowledged>[] _acknowledged = [new(), new(), new()];
    private ServerProcess _server = null!;

    public ShardedServerTests() =>
        _databases = [PostgresServer.Shared.CreateEmptyDatabase(), PostgresServer.Shared.CreateEmptyDatabase(), _third.CreateEmptyDatabase()];

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _third.Dispose();
    }

    [Fact]
    public async Task When_a_shard_crashes_the_others_go_on_and_nothing_acknowledged_is_lost_repeated_or_reordered()
    {
        _server = await ServerProcess.Start(Settings(Shards));
        _server.KeepsAddress = true;
        GiveSlots();
        (string[] keys, Guid[] rooms) = await FindRooms();
        await MapKnown(rooms);
        ChatClient[] clients = [.. Enumerable.Range(0, 3).Select(i => new ChatClient(() => _server.Address, () => Tokens.For($"writer{i}", keys)))];
        foreach (ChatClient client in clients)
        {
            await client.Start();
        }

        RoomLog[][] views = [.. rooms.Select(room => clients.Select(client => client.Follow(room)).ToArray())];
        string token = Tokens.For("other", keys);
        await using HubSocket other = await HubSocket.Connect(_server.Address, token);
        JsonElement hello = await other.Hello();
        RestClient rest = new(_server.Address.GetLeftPart(UriPartial.Authority)) { Token = token };
        Guid open = await MakePublicRoom(rest, hello);
        using CancellationTokenSource enough = new();
        Task[] sending = [.. clients.SelectMany((client, writer) => rooms.Select((_, i) => Task.Run(() => WriteOneByOne(client, writer, rooms[i], i, enough.Token))))];
        for (int i = 0; i < Shards; i++)
        {
            await More(i, 30);
        }

        await Task.Run(_third.StopImmediately);

        // Its rooms: a code, within a bound, that says when to try again.
        Guid clientId = Guid.NewGuid();
        JsonElement refused = await other.Send(rooms[2], "in doubt", clientId).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Equal("unavailable", refused.Code());
        Assert.True(refused.RetryAfterMs() > 0);
        Assert.Equal("unavailable", (await other.Call("MarkRead", new { room = rooms[2], seq = 1 })).Code());
        (await rest.Get($"/api/rooms/{rooms[2]}")).Is("unavailable", 503);
        (await rest.Get($"/api/rooms/{rooms[2]}/messages")).Is("unavailable", 503);
        (await rest.Put($"/api/rooms/{rooms[2]}/read", new { seq = 1 })).Is("unavailable", 503);

        // The others: as if nothing were.
        await Task.WhenAll(More(0, 100), More(1, 100));
        Assert.True((await other.Send(rooms[1], "goes on")).Seq() > 0);

        // What spans rooms says what is missing.
        Answer mine = (await rest.Get("/api/rooms")).IsStatus(200);
        Assert.Equal([rooms[2]], mine["missing"].EnumerateArray().Select(id => id.GetGuid()));
        Assert.Equal(rooms.Take(2).Append(open).ToHashSet(), mine.Items.Select(room => room.GetProperty("id").GetGuid()).ToHashSet());
        Answer directory = (await rest.Get("/api/rooms/directory")).IsStatus(200);
        Assert.True(directory["incomplete"].GetBoolean());
        Assert.Equal(open, directory.Items.Single().GetProperty("id").GetGuid());
        JsonElement resumed = await other.Call("Resume", new { rooms = rooms.Select(room => new { room }).ToArray() });
        JsonElement[] answers = [.. resumed.GetProperty("rooms").EnumerateArray()];
        Assert.Equal(["complete", "complete"], answers.Take(2).Select(room => room.GetProperty("status").GetString()));
        Assert.Equal("unavailable", answers[2].Code());
        Assert.True(answers[2].RetryAfterMs() > 0);
        (await rest.Get("/healthz/ready")).IsStatus(200);

        await Task.Run(_third.Restart);
        await More(2, 30);
        long seq = (await other.Send(rooms[2], "in doubt", clientId)).Seq();
        Assert.Equal(seq, (await other.Send(rooms[2], "in doubt", clientId)).Seq());
        mine = (await rest.Get("/api/rooms")).IsStatus(200);
        Assert.False(mine.Body.TryGetProperty("missing", out _));
        Assert.False((await rest.Get("/api/rooms/directory")).Body.TryGetProperty("incomplete", out _));
        await enough.CancelAsync();
        await Task.WhenAll(sending).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        for (int i = 0; i < Shards; i++)
        {
            await Check(rooms[i], token, i, clients, views[i]);
        }

        foreach (ChatClient client in clients)
        {
            Assert.Equal(1, client.Connections);
            await client.DisposeAsync();
        }

        await StartsWithoutTheThird(rooms, rest, token);
    }

    private async Task StartsWithoutTheThird(Guid[] rooms, RestClient rest, string token)
    {
        await _server.Terminate();
        int said = _server.Output.Length;
        await Task.Run(_third.StopImmediately);
        await _server.Restart();
        Assert.Equal([rooms[2]], (await rest.Get("/api/rooms")).IsStatus(200)["missing"].EnumerateArray().Select(id => id.GetGuid()));
        await using (HubSocket hub = await HubSocket.Connect(_server.Address, token))
        {
            await hub.Hello();
            Assert.True((await hub.Send(rooms[0], "without the third")).Seq() > 0);
        }

        await Signal.Poll(() => _server.Output[said..].Contains("Shard 2 is away", StringComparison.Ordinal), "the operator to be told by the new process");
        Assert.DoesNotContain("Shard 2 is back", _server.Output[said..], StringComparison.Ordinal);
        await Task.Run(_third.Restart);
        await Until(rest, $"/api/rooms/{rooms[2]}", 200);
        await Signal.Poll(() => _server.Output[said..].Contains("Shard 2 is back", StringComparison.Ordinal), "the operator to be told by the new process");
        await _server.Terminate();

        // The map knows a shard that the settings do not.
        await using ServerProcess ignorant = await ServerProcess.Start(Settings(2));
        RestClient there = new(ignorant.Address.GetLeftPart(UriPartial.Authority)) { Token = token };
        Assert.Equal([rooms[2]], (await there.Get("/api/rooms")).IsStatus(200)["missing"].EnumerateArray().Select(id => id.GetGuid()));
        (await there.Get($"/api/rooms/{rooms[2]}")).Is("unavailable", 503);
        (await there.Post($"/api/rooms/{rooms[2]}/messages", new { clientId = Guid.NewGuid(), text = "nowhere" })).Is("unavailable", 503);
        (await there.Post($"/api/rooms/{rooms[1]}/messages", new { clientId = Guid.NewGuid(), text = "here" })).IsStatus(200);
        await Signal.Poll(() => ignorant.Output.Contains("shard 2, which has no connection string", StringComparison.Ordinal), "the operator to be told");

        // Connection strings that were swapped are noticed, and nothing starts.
        (string Key, string Value)[] swapped =
        [
            .. Settings(Shards).Where(setting => !setting.Key.Contains("Shards:1", StringComparison.Ordinal) && !setting.Key.Contains("Shards:2", StringComparison.Ordinal)),
            ("ConnectionStrings:Shards:1", _third.AppConnection(_databases[2])), ("ConnectionStrings:Shards:2", PostgresServer.Shared.AppConnection(_databases[1])),
        ];
        (int exitCode, string error) = await ServerProcess.Fail(_server.Folder, swapped);
        Assert.Equal(1, exitCode);
        Assert.Contains("was opened as shard", error, StringComparison.Ordinal);
    }

    private PostgresServer ServerOf(int shard) => shard == 2 ? _third : PostgresServer.Shared;

    private (string Key, string Value)[] Settings(int shards) =>
    [
        ("Storage", "postgres"),
        ("Postgres:ConnectTimeoutSeconds", "2"),
        ("ConnectionStrings:Directory", PostgresServer.Shared.AppConnection(_databases[0])),
        ("ConnectionStrings:Owners:Directory", PostgresServer.Shared.OwnerConnection(_databases[0])),
        .. Enumerable.Range(0, shards).Select(i => ($"ConnectionStrings:Shards:{i}", ServerOf(i).AppConnection(_databases[i]))),
        .. Enumerable.Range(1, shards - 1).Select(i => ($"ConnectionStrings:Owners:Shards:{i}", ServerOf(i).OwnerConnection(_databases[i]))),
        ("Limits:WritesPerSecondPerConnection", "0"), ("Limits:WritesPerSecondPerUser", "0"), ("Limits:CallsPerSecondPerConnection", "0"),
    ];

    /// <summary>As moves of empty slots leave it.</summary>
    private void GiveSlots()
    {
        for (int shard = 1; shard < Shards; shard++)
        {
            PostgresServer.Execute(
                ServerOf(shard).OwnerConnection(_databases[shard]),
                $"INSERT INTO rooms.slot_owner (slot, epoch, state) SELECT slot, 2, 1 FROM generate_series(0, 4095) slot WHERE slot % {Shards} = {shard}");
        }

        PostgresServer.Execute(
            PostgresServer.Shared.OwnerConnection(_databases[0]),
            $"UPDATE rooms.slot_owner SET state = 2, epoch = 2 WHERE slot % {Shards} <> 0",
            "INSERT INTO directory.shard (id, name, state) VALUES (1, 'one', 1), (2, 'two', 1)",
            $"UPDATE directory.slot_map SET shard = slot % {Shards}, epoch = 2 WHERE slot % {Shards} <> 0",
            "UPDATE directory.slot_map_version SET version = version + 1");
    }

    /// <summary>Keys of a room in each shard.</summary>
    private async Task<(string[] Keys, Guid[] Rooms)> FindRooms()
    {
        await using HubSocket hub = await HubSocket.Connect(_server.Address, Tokens.For("other"));
        Guid tenant = (await hub.Hello()).GetProperty("tenant").GetProperty("id").GetGuid();
        string[] keys = [.. Enumerable.Range(0, Shards).Select(shard =>
            Enumerable.Range(0, 1_000).Select(i => $"room-{i}").First(key => Slot.Of(new RoomId(Tokens.RoomOf(tenant, key))) % Shards == shard))];
        return (keys, [.. keys.Select(key => Tokens.RoomOf(tenant, key))]);
    }

    /// <summary>The server looks every two seconds, and at once when a slot is refused: a room that is not there is asked for.</summary>
    private async Task MapKnown(Guid[] rooms)
    {
        RestClient rest = new(_server.Address.GetLeftPart(UriPartial.Authority)) { Token = Tokens.For("other") };
        foreach (Guid room in rooms)
        {
            (await rest.Get($"/api/rooms/{room}")).Is("not_found", 404);
        }
    }

    /// <summary>In a shard that stays. Its id follows from the client's.</summary>
    private static async Task<Guid> MakePublicRoom(RestClient rest, JsonElement hello)
    {
        TenantId tenant = new(hello.GetProperty("tenant").GetProperty("id").GetGuid());
        UserId user = new(hello.GetProperty("user").GetProperty("id").GetGuid());
        Guid clientId = Guid.NewGuid();
        while (Slot.Of(DerivedIds.RoomOfRequest(tenant, user, new ClientId(clientId))) % Shards == 2)
        {
            clientId = Guid.NewGuid();
        }

        return (await rest.Post("/api/rooms", new { kind = "public", name = "Plants", clientId })).IsStatus(201)["id"].GetGuid();
    }

    private static async Task Until(RestClient rest, string path, int status)
    {
        using CancellationTokenSource patience = new(Signal.Patience);
        while ((await rest.Get(path)).Status != status)
        {
            patience.Token.ThrowIfCancellationRequested();
        }
    }

    private Task More(int room, int messages)
    {
        int before = _acknowledged[room].Count;
        return Signal.Poll(() => _acknowledged[room].Count - before >= messages, $"acknowledgements of room {room}");
    }

    private async Task WriteOneByOne(ChatClient client, int writer, Guid room, int index, CancellationToken enough)
    {
        // Each after the answer to the last, so that what is sent again does not overtake.
        for (int i = 0; !enough.IsCancellationRequested; i++)
        {
            string text = $"{writer}:{i}";
            JsonElement answer = await client.Send(room, text).WaitAsync(TimeSpan.FromSeconds(60), CancellationToken.None);
            _acknowledged[index].Enqueue(new Acknowledged(client.User, text, answer.Seq()));
        }
    }

    private async Task Check(Guid room, string token, int index, ChatClient[] clients, RoomLog[] views)
    {
        RoomLog log = await LogCheck.Read(_server.Address, token, room);
        LogCheck.KeepsOrder(log);
        LogCheck.Holds(log, _acknowledged[index]);
        for (int i = 0; i < clients.Length; i++)
        {
            await clients[i].Reach(views[i], log.Last);
            LogCheck.Same(log, views[i]);
            Assert.Empty(clients[i].Faults);
        }
    }
}
