using Npgsql;

namespace Monstera.Data.Postgres;

/// <summary>
/// Which shard of which installation a database of rooms is. Written into the database once, and compared at each opening: connection strings that were swapped, or that lead to
/// the database of another installation, are noticed before anything is written.
/// </summary>
/// <param name="Shard">From 0. Shard 0 of a fresh installation owns all slots; the others own none when they get their identity.</param>
/// <param name="Installation">The directory's (<see cref="Directory.PostgresInstallation"/>).</param>
public readonly record struct ShardIdentity(short Shard, Guid Installation)
{
    private const string ReadRow = "SELECT id, installation FROM rooms.shard";

    public override string ToString() => $"shard {Shard} of installation {Installation}";

    /// <summary>Null: the database has none yet.</summary>
    internal static ShardIdentity? Find(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand(ReadRow, connection);
        using NpgsqlDataReader reader = command.ExecuteReader();
        return reader.Read() ? new ShardIdentity(reader.GetInt16(0), reader.GetGuid(1)) : null;
    }

    /// <summary>For who only serves.</summary>
    /// <exception cref="StorageRefusedException">The database has no identity, or another.</exception>
    internal void Check(NpgsqlConnection connection)
    {
        if (Find(connection) is not { } found)
        {
            throw new StorageRefusedException(
                $"{Name(connection)} does not know yet which shard of which installation it is. Give its owner's connection string once, so that it becomes {this}.");
        }

        RefuseOther(found, connection);
    }

    /// <summary>
    /// Writes the row unless it is there, in one transaction: 1. keeps out who looks whether a slot is owned; 2. looks again; 3. a database that is no first shard must be without
    /// rooms, and gives up its slots, which the migration gave to it; 4. writes.
    /// </summary>
    /// <exception cref="StorageRefusedException">It has another identity, or has rooms and none.</exception>
    internal void Claim(NpgsqlConnection owner)
    {
        if (Find(owner) is { } known)
        {
            RefuseOther(known, owner);
            return;
        }

        using NpgsqlTransaction transaction = owner.BeginTransaction();

        // 1. Also waits for whoever has looked already and not yet committed.
        Execute(owner, "SET LOCAL lock_timeout = '10s'; LOCK TABLE rooms.shard, rooms.slot_owner IN ACCESS EXCLUSIVE MODE");

        // 2.
        if (Find(owner) is { } found)
        {
            RefuseOther(found, owner);
            return;
        }

        // 3.
        if (Shard > 0)
        {
            using var rooms = new NpgsqlCommand("SELECT EXISTS (SELECT FROM rooms.room)", owner);
            if (rooms.ExecuteScalar() is true)
            {
                throw new StorageRefusedException(
                    $"{Name(owner)} has rooms and was never told which shard it is; such a database can only become shard 0, not {this}. Give an empty one.");
            }

            Execute(owner, "DELETE FROM rooms.slot_owner");
        }

        // 4.
        using (var insert = new NpgsqlCommand("INSERT INTO rooms.shard (id, installation) VALUES ($1, $2)", owner))
        {
            insert.Parameters.Add(new NpgsqlParameter { Value = Shard });
            insert.Parameters.Add(new NpgsqlParameter { Value = Installation });
            insert.ExecuteNonQuery();
        }

        transaction.Commit();
    }

    private void RefuseOther(ShardIdentity found, NpgsqlConnection connection)
    {
        if (found != this)
        {
            throw new StorageRefusedException($"{Name(connection)} is {found}, and was opened as {this}. Have connection strings been swapped, or taken from another installation?");
        }
    }

    private static string Name(NpgsqlConnection connection) => $"The database {connection.Database} on {connection.Host}:{connection.Port}";

    private static void Execute(NpgsqlConnection connection, string statement)
    {
#pragma warning disable CA2100 // Constants of this type.
        using var command = new NpgsqlCommand(statement, connection);
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }
}
