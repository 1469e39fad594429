using Monstera.Bench.Load;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Rooms;
using Monstera.Data.Sharding;
using Npgsql;

namespace Monstera.Bench.Storage;

/// <param name="shards">The first has the directory; all of them are closed with this.</param>
internal sealed class PostgresData(IReadOnlyList<PostgresDatabase> shards) : OpenData
{
    // The columns that a plain message fills, made on the server: sending 10^7 of them would take several times as long.
    private const string WriteMessages =
        """
        INSERT INTO rooms.event (room_key, seq, tenant, type, sender, at, client_id, text)
        SELECT r.room_key, h.head + 1 + n, r.tenant, 20, $2, $3, ($4 || m.digits)::uuid, m.digits || $5
        FROM rooms.room r
        CROSS JOIN LATERAL (SELECT e.seq AS head FROM rooms.event e WHERE e.room_key = r.room_key ORDER BY e.seq DESC LIMIT 1) h
        CROSS JOIN generate_series(0, $7 - 1) n
        CROSS JOIN LATERAL (SELECT lpad(to_hex($6 + n), 12, '0') AS digits) m
        WHERE r.id = $1
        ORDER BY n
        """;

    public override IRoomStore Rooms { get; } = ShardedRoomStore
        .Open(new PostgresSlotAssignments(shards[0]), shards.Count, (shard, epochOf) => new PostgresRoomStore(shards[shard], epochOf), TimeProvider.System, CancellationToken.None)
        .GetAwaiter().GetResult();

    public override IDirectory Directory { get; } = new PostgresDirectory(shards[0]);

    public override int WriteMax => 100_000;

    public override void Dispose()
    {
        foreach (PostgresDatabase shard in shards)
        {
            shard.Dispose();
        }
    }

    public override async Task Write(TenantId tenant, string roomKey, UserId sender, int first, int count, DateTimeOffset now)
    {
        RoomId room = DerivedIds.RoomOfKey(tenant, roomKey);
        string connectionString = shards[PostgresDataSets.OwnerOf(Slot.Of(room), shards.Count).Shard].Options.ConnectionString;
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();
        await using (var name = new NpgsqlCommand("SELECT set_config('monstera.tenants', $1, true)", connection, transaction))
        {
            name.Parameters.Add(new NpgsqlParameter { Value = $"{{{tenant}}}" });
            await name.ExecuteNonQueryAsync();
        }

        await using (var write = new NpgsqlCommand(WriteMessages, connection, transaction) { CommandTimeout = 120 })
        {
            object[] values = [room.Value, sender.Value, now.UtcDateTime, MessageText.ClientIdPrefix, MessageText.Rest, first, count];
            foreach (object value in values)
            {
                write.Parameters.Add(new NpgsqlParameter { Value = value });
            }

            int written = await write.ExecuteNonQueryAsync();
            BenchFailedException.ThrowIf(written != count, $"{written} messages were written into {roomKey}, and should have been {count}");
        }

        await transaction.CommitAsync();
    }
}
