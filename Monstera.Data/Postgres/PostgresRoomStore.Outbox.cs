using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Postgres;

// Of all tenants, through functions that lend the owner's eyes for just this. Ids come to light in their order (see the table), so that several servers may drain at once: who
// acknowledges up to an id has read all that were before it, or they were acknowledged by somebody who had.
public sealed partial class PostgresRoomStore : IMembershipOutbox
{
    private const string ReadOutbox = "SELECT id, tenant, user_id, room, seq, member, at FROM rooms.read_outbox($1) ORDER BY id";

    private const string ForgetOutbox = "SELECT rooms.acknowledge_outbox($1)";

    ValueTask<IReadOnlyList<MembershipChange>> IMembershipOutbox.Read(int limit, CancellationToken cancel) =>
        ReadAny<IReadOnlyList<MembershipChange>>(
            tenants: [],
            batch =>
            {
                List<MembershipChange> changes = [];
                batch.Read(
                    ReadOutbox,
                    row => changes.Add(new MembershipChange(
                        row.GetInt64(0), new TenantId(row.GetGuid(1)), new UserId(row.GetGuid(2)), new RoomId(row.GetGuid(3)), row.GetInt64(4), row.GetBoolean(5), row.Time(6))),
                    Sql.Of(limit));
                return () => changes;
            },
            cancel);

    async ValueTask IMembershipOutbox.Acknowledge(long id, CancellationToken cancel) =>
        await InTransaction<bool>(
            batch =>
            {
                batch.Do("BEGIN").Skip(_settings, TenantSetting([])).Skip(ForgetOutbox, Sql.Of(id));
                return () => true;
            },
            cancel);
}
