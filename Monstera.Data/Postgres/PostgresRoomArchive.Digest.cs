using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres;

// In the order of the primary keys, so that rows are read one after another and none is kept.
public sealed partial class PostgresRoomArchive
{
    private const string ReadRoom =
        "SELECT kind, name, name_seq, topic, topic_seq, members, created_at, epoch FROM rooms.room WHERE id = $1 AND tenant = $2";

    private const string OfTheRoom = "WHERE room_key = (SELECT r.room_key FROM rooms.room r WHERE r.id = $1 AND r.tenant = $2)";

    private const string AllEvents = $"SELECT {PostgresRoomStore.EventColumns} FROM rooms.event {OfTheRoom} ORDER BY seq";

    private const string AllMembers = $"SELECT user_id, role, joined_seq, joined_at FROM rooms.member {OfTheRoom} ORDER BY user_id";

    private const string AllStates = $"SELECT seq, rev, edited_seq, deleted_seq, pinned, pin_seq FROM rooms.message_state {OfTheRoom} ORDER BY seq";

    // Emoji by their bytes: the column is COLLATE "C".
    private const string AllReactions = $"SELECT target, user_id, emoji, seq, present FROM rooms.reaction {OfTheRoom} ORDER BY target, user_id, emoji";

    private const string AllEmoji = $"SELECT target, emoji, first_seq, users FROM rooms.reaction_emoji {OfTheRoom} ORDER BY target, emoji";

    /// <inheritdoc/>
    public async ValueTask<RoomDigest?> Digest(TenantId tenant, RoomId room, CancellationToken cancel)
    {
        RoomDigester? digester = null;
        long? epoch = null;
        long head = 0;
        try
        {
            await Run(
                batch =>
                {
                    digester?.Dispose();
                    digester = new RoomDigester();
                    epoch = null;
                    Begin(batch, tenant);
                    Ask(
                        batch, room, tenant, digester,
                        row => epoch = row.GetInt64(7),
                        seq => head = seq);
                },
                cancel);
            return epoch is { } of ? new RoomDigest(room, tenant, of, head, digester!.Finish()) : null;
        }
        finally
        {
            digester?.Dispose();
        }
    }

    private static void Ask(PostgresBatch batch, RoomId room, TenantId tenant, RoomDigester digester, Action<NpgsqlDataReader> found, Action<long> head)
    {
        NpgsqlParameter[] Parameters() => [Sql.Of(room.Value), Sql.Of(tenant.Value)];
        batch
            .Read(
                ReadRoom,
                row =>
                {
                    found(row);
                    digester.Room((RoomKind)row.GetInt16(0), row.Text(1), row.GetInt64(2), row.Text(3), row.GetInt64(4), row.GetInt32(5), row.Time(6));
                },
                Parameters())
            .Read(
                AllEvents,
                row =>
                {
                    digester.Event(PostgresRoomStore.ReadEvent(row, room));
                    head(row.GetInt64(0));
                },
                Parameters())
            .Read(AllMembers, row => digester.Member(ReadMember(row)), Parameters())
            .Read(AllStates, row => digester.MessageState(row.GetInt64(0), row.GetInt64(1), row.Long(2), row.Long(3), row.GetBoolean(4), row.Long(5)), Parameters())
            .Read(AllReactions, row => digester.Reaction(row.GetInt64(0), row.GetGuid(1), row.GetString(2), row.GetInt64(3), row.GetBoolean(4)), Parameters())
            .Read(AllEmoji, row => digester.EmojiCount(row.GetInt64(0), row.GetString(1), row.GetInt64(2), row.GetInt32(3)), Parameters());
    }
}
