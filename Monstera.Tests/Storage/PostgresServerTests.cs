using System.Collections.Concurrent;
using System.Text.Json;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Faults;
using Monstera.Tests.Fixtures;
using Npgsql;

namespace Monstera.Tests.Storage;

/// <summary>The server as it is shipped, on PostgreSQL: what it promises on SQLite holds, whichever of the two processes dies.</summary>
[Lengthy]
public sealed class PostgresServerTests
{
    /// <summary>The tests' PostgreSQL lets everybody in and does not look at it.</summary>
    private const string Password = "hunter2-never-shown";

    private static readonly string[] Keys = ["general", "random"];

    private readonly ConcurrentQueue<Acknowledged>[] _acknowledged = [new(), new()];

    private int Count => _acknowledged.Sum(queue => queue.Count);

    [Fact]
    public async Task Killed_and_started_again_history_and_sessions_are_there_and_clients_resume()
    {
        string database = PostgresServer.Shared.CreateEmptyDatabase();
        await using ServerProcess server = await ServerProcess.Start(Settings(PostgresServer.Shared, database, ("Registration", "open")));
        server.KeepsAddress = true;
        RestClient ann = await Account(server, "setup", "ann");
        RestClient bob = await Account(server, "register", "bob");
        Guid room = (await ann.Get("/api/rooms")).IsStatus(200).Items.Single().GetProperty("id").GetGuid();
        await using ChatClient ofAnn = new(() => server.Address, () => ann.Token!);
        await using ChatClient ofBob = new(() => server.Address, () => bob.Token!);
        ChatClient[] clients = [ofAnn, ofBob];
        foreach (ChatClient client in clients)
        {
            await client.Start();
        }

        RoomLog[] views = [.. clients.Select(client => client.Follow(room))];
        for (int round = 0; round < 2; round++)
        {
            int before = Count;
            Task[] sending = [.. clients.Select((client, writer) => Task.WhenAll(
                Enumerable.Range(round * 200, 200).Select(i => Note(0, client, client.Send(room, $"{writer}:{i}"), $"{writer}:{i}"))))];
            await Signal.Poll(() => Count - before >= 50, "acknowledgements");
            await server.Kill9();
            await server.Restart();
            await Task.WhenAll(sending).WaitAsync(TimeSpan.FromSeconds(60));
        }

        Assert.Equal(800, Count);
        await Check(server, room, ann.Token!, 0, clients, views);
        Assert.All(clients, client => Assert.True(client.Connections > 2, "The clients did not notice: nothing was proven."));

        // The sessions from before still hold, and the password does.
        Assert.Equal(ann.UserId, (await ann.Get("/api/me")).IsStatus(200)["user"].GetProperty("id").GetString());
        (await bob.Get("/api/rooms")).IsStatus(200);
        (await Rest(server).Post("/api/sign-in", new { userName = "bob", password = RestClient.Password, token = true })).IsStatus(200);
        (await Rest(server).Post("/api/sign-in", new { userName = "bob", password = "something else", token = true })).IsStatus(401);

        Assert.False(Directory.Exists(server.Folder), "There is a data folder: something is kept in it.");
        Assert.Contains(database, server.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, server.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_PostgreSQL_crashes_writes_are_refused_for_now_and_nothing_acknowledged_is_lost_repeated_or_reordered()
    {
        using PostgresServer postgres = PostgresServer.Start();
        await using ServerProcess server = await ServerProcess.Start(Settings(postgres, postgres.CreateEmptyDatabase()));
        ChatClient[] clients = [.. Enumerable.Range(0, 4).Select(i => new ChatClient(() => server.Address, () => Tokens.For($"writer{i}", Keys)))];
        foreach (ChatClient client in clients)
        {
            await client.Start();
        }

        Guid[] rooms = [.. Keys.Select(key => Tokens.RoomOf(clients[0].Tenant, key))];
        RoomLog[][] views = [.. rooms.Select(room => clients.Select(client => client.Follow(room)).ToArray())];
        await using HubSocket other = await HubSocket.Connect(server.Address, Tokens.For("other", Keys));
        await other.Hello();
        RestClient probe = Rest(server);
        using CancellationTokenSource enough = new();
        Task[] sending = [.. clients.Select((client, writer) => Task.Run(() => WriteOneByOne(client, writer, rooms, enough.Token)))];
        for (int round = 0; round < 2; round++)
        {
            await More(100);
            await Task.Run(postgres.StopImmediately);

            // Answered with a code, and within a bound: there is nobody to wait for.
            (Guid clientId, string text) = (Guid.NewGuid(), $"in doubt {round}");
            JsonElement refused = await other.Send(rooms[0], text, clientId).WaitAsync(TimeSpan.FromSeconds(15));
            Assert.Equal("unavailable", refused.Code());
            Assert.True(refused.RetryAfterMs() > 0);
            (await probe.Get("/healthz/live")).IsStatus(200);
            await Ready(probe, 503);

            await Task.Run(postgres.Restart);
            await More(100);
            await Ready(probe, 200);
            long seq = (await other.Send(rooms[0], text, clientId)).Seq();
            Assert.Equal(seq, (await other.Send(rooms[0], text, clientId)).Seq());
            Assert.True(server.IsRunning);
        }

        await enough.CancelAsync();
        await Task.WhenAll(sending).WaitAsync(TimeSpan.FromSeconds(60));
        for (int i = 0; i < rooms.Length; i++)
        {
            await Check(server, rooms[i], Tokens.For("writer0", Keys), i, clients, views[i]);
        }

        Assert.All(clients, client => Assert.Equal(1, client.Connections));
        Assert.DoesNotContain(Password, server.Output, StringComparison.Ordinal);
        foreach (ChatClient client in clients)
        {
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task Directory_and_rooms_may_be_two_databases()
    {
        PostgresServer postgres = PostgresServer.Shared;
        (string directory, string shard) = (postgres.CreateEmptyDatabase(), postgres.CreateEmptyDatabase());
        await using ServerProcess server = await ServerProcess.Start(
            ("Storage", "postgres"),
            ("ConnectionStrings:Directory", postgres.AppConnection(directory)),
            ("ConnectionStrings:Shards:0", postgres.AppConnection(shard)),
            ("ConnectionStrings:Owners:Directory", postgres.OwnerConnection(directory)),
            ("ConnectionStrings:Owners:Shards:0", postgres.OwnerConnection(shard)));
        RestClient ann = await Account(server, "setup", "ann");

        Assert.Single((await ann.Get("/api/rooms")).IsStatus(200).Items);
        await using NpgsqlConnection people = await PostgresDesk.Open(postgres.SuperuserConnection(directory));
        Assert.Equal(1, await people.Scalar<long>("SELECT count(*) FROM directory.account"));
        Assert.Equal(0, await people.Scalar<long>("SELECT count(*) FROM pg_namespace WHERE nspname = 'rooms'"));
        await using NpgsqlConnection rooms = await PostgresDesk.Open(postgres.SuperuserConnection(shard));
        Assert.Equal(1, await rooms.Scalar<long>("SELECT count(*) FROM rooms.room"));
        Assert.Equal(0, await rooms.Scalar<long>("SELECT count(*) FROM pg_namespace WHERE nspname = 'directory'"));
    }

    private static (string, string)[] Settings(PostgresServer server, string database, params (string, string)[] more) =>
    [
        ("Storage", "postgres"),
        ("ConnectionStrings:Directory", With(server.AppConnection(database))),
        ("ConnectionStrings:Shards:0", With(server.AppConnection(database))),
        ("ConnectionStrings:Owners:Directory", With(server.OwnerConnection(database))),
        ("Limits:WritesPerSecondPerConnection", "0"),
        ("Limits:WritesPerSecondPerUser", "0"),
        ("Limits:CallsPerSecondPerConnection", "0"),
        .. more,
    ];

    private static string With(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString) { Password = Password }.ConnectionString;

    private static RestClient Rest(ServerProcess server) => new(server.Address.GetLeftPart(UriPartial.Authority));

    private static async Task<RestClient> Account(ServerProcess server, string how, string userName)
    {
        RestClient client = Rest(server);
        return client.SignedIn((await client.Post(
            "/api/" + how, new { workspaceName = "Green", userName, displayName = userName, password = RestClient.Password, token = true })).IsStatus(201));
    }

    private static async Task Ready(RestClient probe, int status)
    {
        // A proof is good for a second.
        using CancellationTokenSource patience = new(Signal.Patience);
        while ((await probe.Get("/healthz/ready")).Status != status)
        {
            patience.Token.ThrowIfCancellationRequested();
        }
    }

    private Task More(int messages)
    {
        int before = Count;
        return Signal.Poll(() => Count - before >= messages, "acknowledgements");
    }

    private async Task WriteOneByOne(ChatClient client, int writer, Guid[] rooms, CancellationToken enough)
    {
        // Each after the answer to the last, so that what is sent again does not overtake.
        for (int i = 0; !enough.IsCancellationRequested; i++)
        {
            int to = i % rooms.Length;
            string text = $"{writer}:{i}";
            await Note(to, client, client.Send(rooms[to], text), text).WaitAsync(TimeSpan.FromSeconds(60), CancellationToken.None);
        }
    }

    private async Task Note(int room, ChatClient client, Task<JsonElement> send, string text)
    {
        JsonElement answer = await send;
        _acknowledged[room].Enqueue(new Acknowledged(client.User, text, answer.Seq()));
    }

    private async Task Check(ServerProcess server, Guid room, string token, int index, ChatClient[] clients, RoomLog[] views)
    {
        RoomLog log = await LogCheck.Read(server.Address, token, room);
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
