using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sqlite;

public sealed partial class SqliteRoomStore : IMembershipOutbox
{
    private static readonly SqliteQuery ReadOutbox = new("SELECT id, tenant, user, room, seq, member, at FROM membership_outbox ORDER BY id LIMIT ?");
    private static readonly SqliteQuery ForgetOutbox = new("DELETE FROM membership_outbox WHERE id <= ?");

    ValueTask<IReadOnlyList<MembershipChange>> IMembershipOutbox.Read(int limit, CancellationToken cancel) =>
        _database.Read<IReadOnlyList<MembershipChange>>(
            connection =>
            {
                List<MembershipChange> changes = [];
                using SqliteStatement row = connection.Prepare(ReadOutbox).Bind(1, limit);
                while (row.Step())
                {
                    changes.Add(new MembershipChange(
                        row.Int64(0), new TenantId(row.Guid(1)), new UserId(row.Guid(2)), new RoomId(row.Guid(3)), row.Int64(4), row.Bool(5), row.Time(6)));
                }

                return changes;
            },
            cancel);

    async ValueTask IMembershipOutbox.Acknowledge(long id, CancellationToken cancel) =>
        await _database.Write(connection => connection.Prepare(ForgetOutbox).Bind(1, id).Run(), cancel);
}
