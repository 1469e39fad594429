using System.Text;
using Monstera.Data.Postgres;
using Monstera.Data.Rooms;
using Monstera.Tests.Clients;
using Npgsql;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Postgres;

/// <summary>What becomes of the bytes of an erased text in the table's files, on a server with autovacuum as operators have it.</summary>
public sealed class PostgresErasureTests : IDisposable
{
    private const int Messages = 2_000, Erased = 60;

    // Not because of the rows that are new.
    private readonly PostgresServer _server = PostgresServer.Start("fsync=off", "autovacuum_naptime=1s", "autovacuum_vacuum_insert_threshold=-1");

    public void Dispose() => _server.Dispose();

    /// <summary>By its defaults autovacuum would wait for a fifth of the table to change.</summary>
    [Fact]
    public async Task Autovacuum_comes_after_a_few_erased_texts_and_frees_their_rows()
    {
        string name = PostgresStorage.CreateDatabase(_server);
        using PostgresDatabase database = PostgresDatabase.Open(new PostgresOptions { ConnectionString = _server.AppConnection(name) }, PostgresParts.Rooms);
        var store = new PostgresRoomStore(database);
        await store.Append([Create(Room(1)), .. Enumerable.Range(0, Messages).Select(i => Send(Room(1), Text(i)))], Now, Cancel);
        await store.Append([.. Enumerable.Range(0, Erased).Select(i => new DeleteMessage(3 + (i * 20)) { Tenant = Tenant, Room = Room(1), Sender = Ann })], Now, Cancel);

        await using NpgsqlConnection watch = await Open(_server.SuperuserConnection(name));
        using CancellationTokenSource patience = new(Signal.Patience);
        while (!await watch.Scalar<bool>("SELECT autovacuum_count > 0 AND n_dead_tup = 0 FROM pg_stat_user_tables WHERE schemaname = 'rooms' AND relname = 'event'"))
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        // Other rows are moved over most of what is free now, and the rest waits for new rows. Only a table that is written anew surely has none of the bytes.
        await watch.Execute("VACUUM FULL rooms.event");
        byte[] file = await FileOf(watch);
        int[] erased = [.. Enumerable.Range(0, Erased).Select(i => i * 20)];
        Assert.All(Enumerable.Range(0, Messages), i => Assert.Equal(!erased.Contains(i), file.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Text(i))) >= 0));
    }

    private static string Text(int i) => $"text number {i:D6} {new string('x', 80)} its end";

    /// <summary>As it is on the disk.</summary>
    private static async Task<byte[]> FileOf(NpgsqlConnection superuser)
    {
        await superuser.Execute("CHECKPOINT");
        return await superuser.Scalar<byte[]>("SELECT pg_read_binary_file(pg_relation_filepath('rooms.event'))");
    }
}
