using Npgsql;

namespace Monstera.Tests.Data.Postgres;

/// <summary>What the other tests of PostgreSQL rest on.</summary>
public sealed class PostgresServerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Databases_are_copies_of_a_template_that_is_made_once()
    {
        int made = 0;
        string[] names = [.. Enumerable.Range(0, 3).Select(_ => PostgresServer.Shared.CreateDatabase("server_tests", connection =>
        {
            made++;
            PostgresServer.Execute(connection, "CREATE TABLE a AS SELECT 7 AS x");
        }))];
        Assert.Equal((1, 3), (made, names.Distinct().Count()));
        Assert.All(names, name => Assert.Equal(7, Read(PostgresServer.Shared.OwnerConnection(name), "SELECT x FROM a")));
        Assert.All(names, PostgresServer.Shared.DropDatabase);
        await Assert.ThrowsAsync<PostgresException>(async () =>
        {
            await using var gone = new NpgsqlConnection(PostgresServer.Shared.OwnerConnection(names[0]));
            await gone.OpenAsync(Cancel);
        });
    }

    [Fact]
    public void A_private_server_comes_back_with_what_was_committed()
    {
        using PostgresServer server = PostgresServer.Start();
        string database = server.CreateEmptyDatabase();
        PostgresServer.Execute(server.OwnerConnection(database), "CREATE SCHEMA s", "CREATE TABLE s.a AS SELECT 7 AS x");
        server.StopImmediately();
        Assert.ThrowsAny<NpgsqlException>(() => Read(server.OwnerConnection(database), "SELECT x FROM s.a"));
        server.Restart();
        Assert.Equal(7, Read(server.OwnerConnection(database), "SELECT x FROM s.a"));
    }

    private static object? Read(string connectionString, string query)
    {
        using var connection = new NpgsqlConnection(connectionString);
        connection.Open();
#pragma warning disable CA2100 // Written here.
        using var command = new NpgsqlCommand(query, connection);
#pragma warning restore CA2100
        return command.ExecuteScalar();
    }
}
