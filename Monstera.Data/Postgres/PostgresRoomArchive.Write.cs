using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres;

public sealed partial class PostgresRoomArchive
{
    private const string LockSlotsOfCopies = "SELECT count(pg_advisory_xact_lock_shared($1, slot)) FROM unnest($2) slot";

    // In a statement after the lock, which who takes over a slot takes alone.
    private const string FindServed = "SELECT slot FROM rooms.slot_owner WHERE slot = ANY ($1) AND state = 1 ORDER BY slot LIMIT 1";

    private const string UpdateEpochs = "UPDATE rooms.room r SET epoch = u.epoch FROM unnest($1, $2) u (room_key, epoch) WHERE r.room_key = u.room_key";

    // The room last: it is what the others hang on.
    private static readonly string[] RemoveRows =
    [
        .. new[] { "reaction_emoji", "reaction", "message_state", "member", "event", "room" }.Select(table => $"DELETE FROM rooms.{table} WHERE room_key = ANY ($1)"),
    ];

    /// <inheritdoc/>
    public async ValueTask Write(IReadOnlyList<LogPart> parts, CancellationToken cancel)
    {
        LogParts.Check(parts);
        if (parts.Count > 0)
        {
            await Repeat(connection => new OneWrite(connection, parts).Run(_receivesCopy, cancel), cancel);
        }
    }

    /// <inheritdoc/>
    public async ValueTask Remove(TenantId tenant, IReadOnlyCollection<RoomId> rooms, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rooms);
        if (rooms.Count > 0)
        {
            await Repeat(connection => RemoveOnce(connection, tenant, rooms, cancel), cancel);
        }
    }

    private async ValueTask RemoveOnce(NpgsqlConnection connection, TenantId tenant, IReadOnlyCollection<RoomId> rooms, CancellationToken cancel)
    {
        List<long> keys = [];
        using (var batch = new PostgresBatch(connection))
        {
            Func<short?> served = Lock(batch, [tenant], rooms, _receivesCopy);
            batch.Read("SELECT room_key FROM rooms.room WHERE id = ANY ($1) AND tenant = $2 FOR UPDATE", row => keys.Add(row.GetInt64(0)), Ids(rooms), Sql.Of(tenant.Value));
            await PostgresRoomStore.RunOrRollBack(connection, batch, cancel);
            await RefuseServed(connection, served());
        }

        using (var batch = new PostgresBatch(connection))
        {
            foreach (string remove in RemoveRows)
            {
                batch.Do(remove, Sql.Of([.. keys]));
            }

            batch.Do("COMMIT");
            await PostgresRoomStore.RunOrRollBack(connection, batch, cancel);
        }
    }

    /// <summary>
    /// Tries again when the connection was lost or a race, also after a commit whose answer did not come: what is there already is skipped the next time.
    /// </summary>
    private async ValueTask Repeat(Func<NpgsqlConnection, ValueTask> once, CancellationToken cancel)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await using NpgsqlConnection connection = await _owner.OpenConnectionAsync(cancel);
                await once(connection);
                return;
            }
            catch (Exception e) when (attempt < PostgresRoomStore.AttemptsMax && (PostgresFailure.IsRace(e) || PostgresRoomStore.LostRoomRace(e)))
            {
                // Rolled back for certain.
            }
            catch (Exception e) when (attempt == 1 && PostgresFailure.IsConnectionLost(e))
            {
                _owner.Clear();
            }
            catch (Exception e) when (PostgresFailure.IsFault(e))
            {
                throw PostgresFailure.Of(e)!;
            }
            catch (PostgresException e) when (e.SqlState.StartsWith("22", StringComparison.Ordinal) || e.SqlState.StartsWith("23", StringComparison.Ordinal))
            {
                throw new ArchiveConflictException($"PostgreSQL cannot hold what was to be copied: {e.MessageText} ({e.SqlState}).");
            }
        }
    }

    /// <summary>Begins a transaction and takes the slots' locks.</summary>
    /// <returns>What tells, after the round trip, a slot that is served here and may not be written.</returns>
    private static Func<short?> Lock(PostgresBatch batch, IEnumerable<TenantId> tenants, IEnumerable<RoomId> rooms, bool receivesCopy)
    {
        short[] slots = [.. rooms.Select(Slot.Of).Distinct().Order()];
        short? served = null;
        batch.Do("BEGIN")
            .Skip(Settings, PostgresRoomStore.TenantSetting(tenants))
            .Skip(LockSlotsOfCopies, Sql.Of(PostgresLocks.Slot), Sql.Of([.. slots.Select(slot => (int)slot)]))
            .Read(FindServed, row => served = receivesCopy ? null : row.GetInt16(0), Sql.Of(slots));
        return () => served;
    }

    private static async ValueTask RefuseServed(NpgsqlConnection connection, short? served)
    {
        if (served is { } slot)
        {
            await PostgresRoomStore.RollBack(connection);
            throw new ArchiveConflictException($"This database serves slot {slot} at present: its rooms are written by servers alone.");
        }
    }

    private static NpgsqlParameter Ids(IEnumerable<RoomId> rooms) => Sql.Of([.. rooms.Select(room => room.Value)]);

    /// <summary>One try, in two round trips, as an append: 1. begins, locks, reads what the events change; 2. projects them; 3. writes and commits.</summary>
    private sealed class OneWrite(NpgsqlConnection connection, IReadOnlyList<LogPart> parts)
    {
        private readonly AppendFacts _facts = new(parts);
        private readonly AppendWrites _writes = new(now: null);
        private readonly HashSet<AppendRoom> _otherEpochs = [];

        public async ValueTask Run(bool receivesCopy, CancellationToken cancel)
        {
            // 1.
            RoomId[] rooms = [.. parts.Select(part => part.Room).Distinct()];
            using (var batch = new PostgresBatch(connection))
            {
                Func<short?> served = Lock(batch, parts.Select(part => part.Tenant).Distinct(), rooms, receivesCopy);
                batch.Read(PostgresRoomStore.LockRooms, row => _facts.Locked.Add(new RoomId(row.GetGuid(0))), Ids(rooms));
                _facts.Ask(batch, [.. rooms.Select(room => room.Value)]);
                await PostgresRoomStore.RunOrRollBack(connection, batch, cancel);
                await RefuseServed(connection, served());
            }

            // 2.
            try
            {
                foreach (LogPart part in parts)
                {
                    Project(part);
                }
            }
            catch
            {
                await PostgresRoomStore.RollBack(connection);
                throw;
            }

            // 3.
            using (var batch = new PostgresBatch(connection))
            {
                _writes.Ask(batch);
                AppendRoom[] otherEpochs = [.. _otherEpochs.Where(room => room.MadeAt is null)];
                if (otherEpochs.Length > 0)
                {
                    batch.Do(UpdateEpochs, Sql.Of([.. otherEpochs.Select(room => room.Key)]), Sql.Of([.. otherEpochs.Select(room => room.State.Epoch)]));
                }

                batch.Do("COMMIT");
                await PostgresRoomStore.RunOrRollBack(connection, batch, cancel);
            }
        }

        private void Project(LogPart part)
        {
            AppendRoom? room = _facts.Rooms.GetValueOrDefault(part.Room);
            if (room is null ? _facts.Taken.Contains(part.Room) : room.Tenant != part.Tenant)
            {
                throw LogParts.OtherTenant(part);
            }

            long head = room?.State.Head ?? 0;
            LogParts.RefuseGap(part, head);
            foreach (RoomEvent copied in part.Events)
            {
                if (copied.Seq <= head)
                {
                    continue;
                }

                room ??= Make(part, copied);
                if (!room.Fits(copied))
                {
                    throw LogParts.DoesNotFit(copied);
                }

                room.Apply(copied);
                _writes.Add(room, copied);
            }

            if (room?.TakeEpoch(part.Epoch) == true)
            {
                _otherEpochs.Add(room);
            }
        }

        private AppendRoom Make(LogPart part, RoomEvent created)
        {
            var state = new RoomState(part.Room, created.Kind!.Value, created.Name, 1, created.Topic, 1, part.Epoch, Head: 0, Members: 0);
            var room = new AppendRoom(_facts.FreshKeys.Dequeue(), part.Tenant, state) { MadeAt = created.At };
            _facts.Rooms.Add(part.Room, room);
            return room;
        }
    }
}
