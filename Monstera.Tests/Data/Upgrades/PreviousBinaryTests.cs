using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Sqlite;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Archive;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Faults;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Data.Upgrades;

/// <summary>
/// A release is gone back from: the built server starts on data whose schema a later version has made larger, people find what they had and go on, and what the later version has put beside it is
/// left as it is. It may crash and start again. Commands that copy refuse, since they would leave behind what they do not know.
/// </summary>
public sealed class PreviousBinaryTests : IDisposable
{
    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task On_SQLite()
    {
        string data = Path.Combine(_folder, "data");
        IReadOnlyDictionary<string, long> before = new Dictionary<string, long>();
        await GoBack(
            data,
            [],
            () =>
            {
                GrownSchema.Sqlite(data);
                before = GrownSchema.KeptBySqlite(data);
                return Task.CompletedTask;
            });
        AssertKept(before, GrownSchema.KeptBySqlite(data), "event", "user");
        using SqliteConnection connection = SqliteConnection.Open(Path.Combine(data, SqliteDatabase.FileName), readOnly: true);
        using SqliteStatement newest = connection.Prepare(new SqliteQuery("SELECT max(version) FROM schema_migration"));
        newest.Step();
        Assert.Equal(GrownSchema.VersionOf(SqliteMigrations.Embedded), newest.Int64(0));
    }

    [Fact]
    public async Task On_PostgreSQL_with_shards()
    {
        using PostgresInstallationUnderTest installation = new(shards: 2);
        await installation.SpreadSlots();
        IReadOnlyDictionary<string, long> people = new Dictionary<string, long>(), rooms = people;
        await GoBack(
            Path.Combine(_folder, "data"),
            [("Storage", "postgres"), .. installation.Settings],
            async () =>
            {
                foreach (string owner in installation.Shards.Values.Append(installation.Directory).Select(one => one.OwnerConnectionString!))
                {
                    GrownSchema.Postgres(owner);
                }

                people = await People();
                rooms = await Rooms();
            });
        AssertKept(people, await People(), "account");
        AssertKept(rooms, await Rooms(), "event");

        Task<IReadOnlyDictionary<string, long>> People() => GrownSchema.KeptByPostgres(PostgresServer.Shared.SuperuserConnection(installation.Name), PostgresDirectory.Schema.Name);

        // The one room is in one of them.
        async Task<IReadOnlyDictionary<string, long>> Rooms()
        {
            List<KeyValuePair<string, long>> all = [];
            foreach (string shard in installation.ShardNames)
            {
                all.AddRange(await GrownSchema.KeptByPostgres(PostgresServer.Shared.SuperuserConnection(shard), PostgresRoomStore.Schema.Name));
            }

            return all.GroupBy(one => one.Key, StringComparer.Ordinal).ToDictionary(one => one.Key, one => one.Sum(count => count.Value), StringComparer.Ordinal);
        }
    }

    private async Task GoBack(string data, (string, string)[] settings, Func<Task> grow)
    {
        RestClient ann;
        string room;
        long last;
        await using (ServerProcess server = await ServerProcess.Start(data, settings))
        {
            ann = new RestClient(Origin(server));
            ann.SignedIn((await ann.Post("/api/setup", new { workspaceName = "Green", userName = "ann", displayName = "Ann", password = RestClient.Password, token = true })).IsStatus(201));
            room = "/api/rooms/" + (await ann.Get("/api/rooms")).IsStatus(200).Items.Single().GetProperty("id").GetGuid();
            last = await Send(ann, room, "before");
            await Send(ann, room, "to be edited");
            await server.Terminate();
        }

        await grow();

        // Nodes have no rights to change a schema: they look whether they can live with it. Then one that has them, and would bring it up to date.
        (string Key, string Value)[] asNode = [.. settings.Where(one => !one.Item1.Contains("Owners", StringComparison.Ordinal))];
        await using (ServerProcess server = await ServerProcess.Start(data, asNode))
        {
            RestClient back = new(Origin(server)) { Token = ann.Token };
            Assert.Equal("before", (await back.Get($"{room}/messages/{last}")).IsStatus(200)["text"].GetString());
            Assert.Equal(last + 2, await Send(back, room, "by the one before"));
            (await back.Patch($"{room}/messages/{last + 1}", new { text = "edited" })).IsStatus(200);
            (await back.Put($"{room}/messages/{last}/reactions/%2B1")).IsStatus(200);
            (await back.Post("/api/sign-out")).IsStatus(204);
            back.SignedIn((await back.Post("/api/sign-in", new { userName = "ann", password = RestClient.Password, token = true })).IsStatus(200));
            (await back.Post("/api/rooms", new { kind = "public", name = "Another" })).IsStatus(201);
            ann.Token = back.Token;
            await server.Kill9();
        }

        await using (ServerProcess server = await ServerProcess.Start(data, settings))
        {
            RestClient again = new(Origin(server)) { Token = ann.Token };
            Assert.Equal(2, (await again.Get("/api/rooms")).IsStatus(200).Items.Count);
            Assert.Equal("edited", (await again.Get($"{room}/messages/{last + 1}")).IsStatus(200)["text"].GetString());
            RoomLog log = await LogCheck.Read(server.Address, ann.Token!, Guid.Parse(room["/api/rooms/".Length..]));
            Assert.Equal(3, log.Events.Count(e => e.Type == "message.created"));
            await server.Terminate();
        }

        string refused = await CommandProcess.Run(3, $"backup --to {Path.Combine(_folder, "copy")}", [.. settings, ("DataFolder", data)]);
        Assert.Contains("schema version", refused, StringComparison.Ordinal);
    }

    private static string Origin(ServerProcess server) => server.Address.GetLeftPart(UriPartial.Authority);

    private static async Task<long> Send(RestClient by, string room, string text) =>
        (await by.Post(room + "/messages", new { clientId = Guid.NewGuid(), text })).IsStatus(200)["seq"].GetInt64();

    /// <summary>Rows that were there are the same rows: changed, not written anew without what the one before does not know. Sessions and what waits come and go.</summary>
    private static void AssertKept(IReadOnlyDictionary<string, long> before, IReadOnlyDictionary<string, long> after, params string[] some)
    {
        Assert.All(some, table => Assert.True(before[table] > 0, $"There was nothing in {table}."));
        string[] transient = ["session", "membership_outbox", "heartbeat", "growth_sample"];
        Assert.Equal(
            before.Where(one => !transient.Contains(one.Key)).OrderBy(one => one.Key, StringComparer.Ordinal),
            after.Where(one => !transient.Contains(one.Key)).OrderBy(one => one.Key, StringComparer.Ordinal));
    }
}
