using System.Collections.Concurrent;
using System.Text.Json;
using Monstera.Data.Sqlite;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Archive;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Faults;
using Monstera.Tests.Fixtures;
using Npgsql;

namespace Monstera.Tests.Commands;

/// <summary><c>monstera move</c> as it is shipped, beside the server as it is shipped.</summary>
[Lengthy]
public sealed class MoveCommandTests : IDisposable
{
    private const string ThereCommand = "move --from sqlite --to postgres";
    private const string BackCommand = "move --from postgres --to sqlite";

    private readonly string _folder = Directory.CreateTempSubdirectory("monstera-test-").FullName;
    private readonly PostgresInstallationUnderTest _postgres = new(shards: 1);
    private readonly ConcurrentQueue<Acknowledged> _acknowledged = new();

    private (string, string)[] Both => [("DataFolder", Data), .. _postgres.Settings];

    private (string, string)[] OnPostgres => [("Storage", "postgres"), .. _postgres.Settings];

    private string Data => Path.Combine(_folder, "data");

    public void Dispose()
    {
        _postgres.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task People_write_on_while_it_copies_and_nothing_is_lost_there_or_back()
    {
        Requires.Unix("SIGTERM");
        await using ServerProcess server = await ServerProcess.Start(Data, ("Limits:WritesPerSecondPerConnection", "0"), ("Limits:WritesPerSecondPerUser", "0"));
        RestClient ann = new(server.Address.GetLeftPart(UriPartial.Authority));
        ann.SignedIn((await ann.Post("/api/setup", new { workspaceName = "Green", userName = "ann", displayName = "Ann", password = RestClient.Password, token = true })).IsStatus(201));
        Guid room = (await ann.Get("/api/rooms")).IsStatus(200).Items.Single().GetProperty("id").GetGuid();
        ChatClient client = new(() => server.Address, () => ann.Token!);
        await client.Start();
        using CancellationTokenSource enough = new();
        Task writing = Write(client, room, enough.Token);
        await Signal.Poll(() => _acknowledged.Count > 50, "messages");
        Assert.Contains("Nothing was changed", await CommandProcess.Run(0, ThereCommand + " --dry-run", Both), StringComparison.Ordinal);
        Assert.False(await HasSchema(), "A dry run made something.");

        // Beside: it copies, says so, and leaves the server alone.
        Assert.Contains("Stop the server and run the same command again", await CommandProcess.Run(0, ThereCommand, Both), StringComparison.Ordinal);
        (int exitCode, string error) = await ServerProcess.Fail(Path.Combine(_folder, "other"), OnPostgres);
        Assert.Equal(1, exitCode);
        Assert.Contains("receives a copy that is not finished", error, StringComparison.Ordinal);

        // Waiting: it goes on by itself when the server stops.
        using CommandProcess move = CommandProcess.Start(ThereCommand + " --wait", Both);
        await Signal.Poll(() => move.Output.Contains("Waiting", StringComparison.Ordinal), "the command to wait");
        int before = _acknowledged.Count;
        await Signal.Poll(() => _acknowledged.Count > before + 50, "messages");
        await enough.CancelAsync();
        await writing;
        (long seq, Guid clientId) = await Known(client, room);
        (long epoch, long cursor) = (client.Follow(room).Epoch ?? 1, 7);
        await client.DisposeAsync();
        await server.Terminate();
        Assert.Contains("Now set Monstera__Storage=postgres", await move.Ends(0), StringComparison.Ordinal);
        (exitCode, error) = await ServerProcess.Fail(Data);
        Assert.Equal(1, exitCode);
        Assert.Contains("was moved to PostgreSQL", error, StringComparison.Ordinal);

        // There: signed in still, every message, old cursors and client ids hold.
        await using (ServerProcess there = await ServerProcess.Start(Path.Combine(_folder, "other"), OnPostgres))
        {
            await Check(there, ann, room, (seq, clientId), (epoch, cursor));
            Assert.Contains("still written", await CommandProcess.Run(3, BackCommand + " --final", Both), StringComparison.Ordinal);
            Assert.Contains("--final", await CommandProcess.Run(0, BackCommand, Both), StringComparison.Ordinal);
            await there.Terminate();
        }

        // And back, with what was written there.
        Assert.Contains("remove the connection strings", await CommandProcess.Run(0, BackCommand + " --final", Both), StringComparison.Ordinal);
        (exitCode, error) = await ServerProcess.Fail(Path.Combine(_folder, "other"), OnPostgres);
        Assert.Equal(1, exitCode);
        Assert.Contains("was moved to SQLite", error, StringComparison.Ordinal);
        await server.Restart();
        await Check(server, ann, room, (seq, clientId), (epoch, cursor));
        await server.Terminate();
        Assert.Contains("already", await CommandProcess.Run(3, BackCommand + " --final", Both), StringComparison.Ordinal);
        Assert.Contains("in service again", await CommandProcess.Run(0, "move --reopen", OnPostgres), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Killed_in_the_middle_and_run_again_the_copy_in_three_shards_is_whole()
    {
        using (SqliteDatabase database = SqliteDatabase.Open(Data))
        {
            await new InstallationContent(new SqliteRoomStore(database), new SqliteDirectory(database)).Fill(count: 40, messages: 1_000);
        }

        using PostgresInstallationUnderTest shards = new(shards: 3);
        await shards.SpreadSlots();
        (string, string)[] both = [("DataFolder", Data), .. shards.Settings];
        (string, string)[] there = [("Storage", "postgres"), .. shards.Settings];
        using (CommandProcess move = CommandProcess.Start(ThereCommand, both))
        {
            await SomeRooms(shards);
            await move.Kill9();
        }

        (int exitCode, string error) = await ServerProcess.Fail(Data, there);
        Assert.Equal(1, exitCode);
        Assert.Contains("receives a copy that is not finished", error, StringComparison.Ordinal);
        Assert.InRange(await Rooms(shards), 1, 41);

        // Told to stop, it ends in order; the source may be served all the while.
        using (CommandProcess move = CommandProcess.Start(ThereCommand, both))
        {
            await Signal.Poll(() => move.Output.Contains("From SQLite", StringComparison.Ordinal), "the command to begin");
            await move.Interrupt();
            Assert.Contains("goes on where it stopped", await move.Ends(1), StringComparison.Ordinal);
        }

        using (SqliteDatabase source = SqliteDatabase.Open(Data))
        {
            SqliteInstallationArchive.Read(source).RefuseUnlessServed(Data);
        }

        Assert.Contains("Moved 41 rooms", await CommandProcess.Run(0, ThereCommand, both), StringComparison.Ordinal);
        Assert.Equal(41, await Rooms(shards));
        Assert.Equal(4_096, await Sum(shards, "SELECT count(*) FROM rooms.slot_owner WHERE state = 1"));
        await using ServerProcess server = await ServerProcess.Start(Path.Combine(_folder, "other"), there);
        (await new RestClient(server.Address.GetLeftPart(UriPartial.Authority)).Get("/healthz/ready")).IsStatus(200);
    }

    [Fact]
    public async Task Wrong_words_and_settings_are_told_from_refusals()
    {
        await CommandProcess.Run(2, "move --from sqlite", Both);
        await CommandProcess.Run(2, "move --from sqlite --to sqlite", Both);
        Assert.Contains("--dryrun", await CommandProcess.Run(2, ThereCommand + " --dryrun", Both), StringComparison.Ordinal);
        string missing = await CommandProcess.Run(2, ThereCommand + " --dry-run", ("DataFolder", Data), ("ConnectionStrings:Directory", "Host=nowhere;Username=x;Password=hunter2"));
        Assert.Contains("ConnectionStrings:Owners:Directory", missing, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", missing, StringComparison.Ordinal);
        Assert.Contains("There is", await CommandProcess.Run(3, ThereCommand, Both), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Data));
    }

    private static async Task<(long Seq, Guid ClientId)> Known(ChatClient client, Guid room)
    {
        Guid clientId = Guid.NewGuid();
        return ((await client.Hub.Send(room, "known", clientId)).Seq(), clientId);
    }

    private async Task Check(ServerProcess server, RestClient ann, Guid room, (long Seq, Guid ClientId) known, (long Epoch, long Seq) cursor)
    {
        RestClient here = new(server.Address.GetLeftPart(UriPartial.Authority)) { Token = ann.Token };
        Assert.Equal(ann.UserId, (await here.Get("/api/me")).IsStatus(200)["user"].GetProperty("id").GetString());
        RoomLog log = await LogCheck.Read(server.Address, ann.Token!, room);
        LogCheck.KeepsOrder(log);
        LogCheck.Holds(log, _acknowledged);
        await using HubSocket hub = await HubSocket.Connect(server.Address, ann.Token);
        await hub.Hello();
        Assert.Equal(known.Seq, (await hub.Send(room, "known", known.ClientId)).Seq());
        JsonElement resumed = await hub.Resume(room, cursor.Seq, cursor.Epoch);
        Assert.NotEqual("reset", resumed.GetProperty("status").GetString());
        Assert.Equal(cursor.Seq + 1, resumed.GetProperty("events")[0].GetProperty("seq").GetInt64());
        string text = $"after:{_acknowledged.Count}";
        JsonElement sent = await hub.Send(room, text);
        _acknowledged.Enqueue(new Acknowledged(Guid.Parse(ann.UserId), text, sent.Seq()));
    }

    private async Task Write(ChatClient client, Guid room, CancellationToken enough)
    {
        for (int i = 0; !enough.IsCancellationRequested; i++)
        {
            string text = $"0:{i}";
            JsonElement answer = await client.Send(room, text);
            if (answer.Code() is null)
            {
                _acknowledged.Enqueue(new Acknowledged(client.User, text, answer.Seq()));
            }
        }
    }

    private async Task<bool> HasSchema()
    {
        await using NpgsqlConnection connection = await PostgresDesk.Open(PostgresServer.Shared.SuperuserConnection(_postgres.Name));
        return await connection.Scalar<bool>("SELECT to_regnamespace('directory') IS NOT NULL");
    }

    private static async Task SomeRooms(PostgresInstallationUnderTest shards)
    {
        using CancellationTokenSource patience = new(Signal.Patience);
        while (await Rooms(shards) == 0)
        {
            patience.Token.ThrowIfCancellationRequested();
        }
    }

    private static Task<long> Rooms(PostgresInstallationUnderTest shards) => Sum(shards, "SELECT count(*) FROM rooms.room");

    private static async Task<long> Sum(PostgresInstallationUnderTest shards, string query)
    {
        long sum = 0;
        foreach (string name in shards.ShardNames)
        {
            await using NpgsqlConnection connection = await PostgresDesk.Open(PostgresServer.Shared.SuperuserConnection(name));
            sum += await connection.Scalar<long>(query);
        }

        return sum;
    }
}
