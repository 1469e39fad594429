using Monstera.Data.Sqlite;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Archive;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Commands;

/// <summary><c>monstera rebuild-index</c> as it is shipped, beside the server as it is shipped.</summary>
public sealed class RebuildIndexCommandTests
{
    [Fact]
    public async Task On_PostgreSQL_the_list_of_rooms_is_right_again_while_the_server_runs()
    {
        using PostgresInstallationUnderTest postgres = new(shards: 1);
        (string, string)[] settings = [("Storage", "postgres"), .. postgres.Settings];
        await using ServerProcess server = await ServerProcess.Start(settings);
        RestClient ann = await SetUp(server);
        string rooms = (await ann.Get("/api/rooms")).IsStatus(200).Items.Single().GetProperty("id").GetString()!;
        PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(postgres.Name), "DELETE FROM directory.user_room");
        Assert.Empty((await ann.Get("/api/rooms")).IsStatus(200).Items);

        Assert.Contains("All 1 memberships", await CommandProcess.Run(0, "rebuild-index", settings), StringComparison.Ordinal);
        Assert.Equal(rooms, (await ann.Get("/api/rooms")).IsStatus(200).Items.Single().GetProperty("id").GetString());
    }

    [Fact]
    public async Task On_SQLite_the_server_is_to_be_stopped_before()
    {
        Requires.Unix("SIGTERM");
        await using ServerProcess server = await ServerProcess.Start();
        RestClient ann = await SetUp(server);
        string rooms = (await ann.Get("/api/rooms")).IsStatus(200).Items.Single().GetProperty("id").GetString()!;
        Assert.Contains("in use by another server", await CommandProcess.Run(3, "rebuild-index", ("DataFolder", server.Folder)), StringComparison.Ordinal);

        await server.Terminate();
        using (SqliteConnection connection = SqliteConnection.Open(Path.Combine(server.Folder, SqliteDatabase.FileName), readOnly: false))
        {
            connection.Execute("UPDATE user_room SET member = 0, seq = 1000");
        }

        Assert.Contains("1 were wrong", await CommandProcess.Run(0, "rebuild-index", ("DataFolder", server.Folder)), StringComparison.Ordinal);
        await server.Restart();
        ann = new RestClient(server.Address.GetLeftPart(UriPartial.Authority));
        ann.SignedIn((await ann.Post("/api/sign-in", new { userName = "ann", password = RestClient.Password, token = true })).IsStatus(200));
        Assert.Equal(rooms, (await ann.Get("/api/rooms")).IsStatus(200).Items.Single().GetProperty("id").GetString());
    }

    private static async Task<RestClient> SetUp(ServerProcess server)
    {
        RestClient client = new(server.Address.GetLeftPart(UriPartial.Authority));
        return client.SignedIn((await client.Post(
            "/api/setup", new { workspaceName = "Green", userName = "ann", displayName = "Ann", password = RestClient.Password, token = true })).IsStatus(201));
    }
}
