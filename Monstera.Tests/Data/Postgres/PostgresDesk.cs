using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Tests.Data.Postgres;

/// <summary>What the tests of this provider need beside the contract: people, drafts, and a look behind the store.</summary>
internal static class PostgresDesk
{
    public static readonly DateTimeOffset Now = new(2026, 11, 21, 10, 2, 3, 456, TimeSpan.Zero);
    public static readonly TenantId Tenant = new(Id(1));
    public static readonly TenantId OtherTenant = new(Id(2));
    public static readonly UserId Ann = new(Id(11));
    public static readonly UserId Bob = new(Id(12));

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static Guid Id(int n) => new(n, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, (byte)n);

    public static RoomId Room(int n) => new(Id(1_000 + n));

    public static CreateRoom Create(RoomId room, params UserId[] members) =>
        new(RoomKind.Public, "General", null, members) { Tenant = Tenant, Room = room, Sender = Ann };

    public static SendMessage Send(RoomId room, string text, int? clientId = null) =>
        new(text) { Tenant = Tenant, Room = room, Sender = Ann, ClientId = clientId is { } n ? new ClientId(Id(1_000_000 + n)) : null };

    public static async Task<AppendOutcome> Do(this IRoomStore store, Draft draft) => (await store.Append([draft], Now, Cancel))[0];

    public static async Task<IReadOnlyList<RoomEvent>> Log(this IRoomStore store, RoomId room) =>
        (await store.ReadAfter(Tenant, room, reader: null, 0, 100_000, int.MaxValue, Cancel))!.Events;

    public static async Task<NpgsqlConnection> Open(string connectionString)
    {
        var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(Cancel);
        return connection;
    }

    public static async Task<int> Execute(this NpgsqlConnection connection, string sql)
    {
#pragma warning disable CA2100 // Written by the tests.
        await using var command = new NpgsqlCommand(sql, connection);
#pragma warning restore CA2100
        return await command.ExecuteNonQueryAsync(Cancel);
    }

    public static async Task<T> Scalar<T>(this NpgsqlConnection connection, string sql)
    {
#pragma warning disable CA2100 // Written by the tests.
        await using var command = new NpgsqlCommand(sql, connection);
#pragma warning restore CA2100
        return (T)(await command.ExecuteScalarAsync(Cancel))!;
    }

    /// <summary>Back when somebody waits for a lock in the connection's database, or when <paramref name="waiting"/> has ended without.</summary>
    public static async Task UntilSomebodyWaits(this NpgsqlConnection connection, Task waiting, int backends = 1)
    {
        while (!waiting.IsCompleted && await connection.Scalar<long>(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") < backends)
        {
            await Task.Yield();
        }
    }

    /// <summary>Back when this connection is the only one to its database. What sessions did is counted when they end.</summary>
    public static async Task UntilAlone(this NpgsqlConnection connection)
    {
        while (await connection.Scalar<long>("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'") > 1)
        {
            await Task.Yield();
        }
    }
}
