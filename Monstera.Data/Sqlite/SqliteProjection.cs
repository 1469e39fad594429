using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sqlite;

/// <summary>Stores events and what is projected from them. The events were decided on: nothing here says no.</summary>
/// <param name="tells">Changes of members go to the outbox; not when they are copied.</param>
internal sealed class SqliteProjection(SqliteDatabase database, SqliteRoomCache cache, bool tells)
{
    private static readonly SqliteQuery InsertRoomRow = new(
        """
        INSERT INTO room (id, tenant, kind, name, name_folded, name_seq, topic, topic_seq, epoch, members, created_at)
        VALUES (?, ?, ?, ?, ?, 1, ?, 1, ?, 0, ?)
        """);

    private static readonly SqliteQuery InsertMessage = new(
        "INSERT INTO event (room_key, seq, type, sender, at, client_id, reply_to, text) VALUES (?, ?, 20, ?, ?, ?, ?, ?)");

    private static readonly SqliteQuery InsertEvent = new(
        """
        INSERT INTO event (room_key, seq, type, sender, at, client_id, target, text, emoji, subject, role, kind, name, topic)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """);

    private static readonly SqliteQuery InsertMember = new("INSERT INTO member (room_key, user, role, joined_seq, joined_at) VALUES (?, ?, ?, ?, ?)");
    private static readonly SqliteQuery DeleteMember = new("DELETE FROM member WHERE room_key = ? AND user = ?");
    private static readonly SqliteQuery UpdateRole = new("UPDATE member SET role = ? WHERE room_key = ? AND user = ?");
    private static readonly SqliteQuery UpdateMemberCount = new("UPDATE room SET members = ? WHERE room_key = ?");

    private static readonly SqliteQuery UpdateRoomRow = new(
        "UPDATE room SET name = ?, name_folded = ?, name_seq = ?, topic = ?, topic_seq = ? WHERE room_key = ?");

    private static readonly SqliteQuery InsertOutbox = new(
        "INSERT INTO membership_outbox (tenant, user, room, seq, member, at) VALUES (?, ?, ?, ?, ?, ?)");

    private static readonly SqliteQuery TouchMessage = new(
        "INSERT INTO message_state (room_key, seq, rev) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET rev = excluded.rev");

    private static readonly SqliteQuery EditState = new("UPDATE message_state SET edited_seq = rev WHERE room_key = ? AND seq = ?");

    // A deleted message is pinned no longer.
    private static readonly SqliteQuery DeleteState = new("UPDATE message_state SET deleted_seq = rev, pinned = 0 WHERE room_key = ? AND seq = ?");
    private static readonly SqliteQuery PinState = new("UPDATE message_state SET pinned = ?, pin_seq = rev WHERE room_key = ? AND seq = ?");
    private static readonly SqliteQuery EraseMessage = new("UPDATE event SET text = NULL WHERE room_key = ? AND seq = ?");
    private static readonly SqliteQuery EraseEdits = new("UPDATE event SET text = NULL WHERE room_key = ? AND target = ? AND type = 21");
    private static readonly SqliteQuery DeleteReactions = new("DELETE FROM reaction WHERE room_key = ? AND target = ?");
    private static readonly SqliteQuery DeleteEmoji = new("DELETE FROM reaction_emoji WHERE room_key = ? AND target = ?");

    private static readonly SqliteQuery PutReaction = new(
        """
        INSERT INTO reaction (room_key, target, user, emoji, seq, present) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET seq = excluded.seq, present = excluded.present
        """);

    private static readonly SqliteQuery CountReactionIn = new(
        "INSERT INTO reaction_emoji (room_key, target, emoji, first_seq, users) VALUES (?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET users = users + 1");

    private static readonly SqliteQuery CountReactionOut = new(
        "UPDATE reaction_emoji SET users = users - 1 WHERE room_key = ? AND target = ? AND emoji = ?");

    private static readonly SqliteQuery DropEmoji = new(
        "DELETE FROM reaction_emoji WHERE room_key = ? AND target = ? AND emoji = ? AND users = 0");

    /// <summary>Makes the row of a room; its first event is still to be stored.</summary>
    public SqliteRoom InsertRoom(SqliteConnection connection, TenantId tenant, RoomEvent created, long epoch = 1)
    {
        connection.Prepare(InsertRoomRow)
            .Bind(1, created.Room.Value).Bind(2, tenant.Value).Bind(3, (long)created.Kind!.Value)
            .Bind(4, created.Name).Bind(5, created.Name is null ? null : FoldedText.Of(created.Name)).Bind(6, created.Topic)
            .Bind(7, epoch).Bind(8, created.At.ToUnixTimeMilliseconds()).Run();
        var state = new RoomState(created.Room, created.Kind.Value, created.Name, 1, created.Topic, 1, epoch, Head: 0, Members: 0);
        var room = new SqliteRoom(connection.InsertedRowId, tenant, state);
        cache.Add(room);
        return room;
    }

    /// <summary>Appends the event to the log of its room and projects it.</summary>
    public void Store(SqliteConnection connection, SqliteRoom room, RoomEvent added)
    {
        Insert(connection, room.Key, added);
        room.State = room.State with { Head = added.Seq };
        switch (added.Type)
        {
            case EventType.MessageCreated:
            case EventType.RoomCreated: // its row was made already: the event needs the key
                break;
            case EventType.RoomUpdated:
                ProjectRoom(connection, room, added);
                break;
            case EventType.MemberJoined:
            case EventType.MemberLeft:
            case EventType.MemberUpdated:
                ProjectMember(connection, room, added);
                break;
            default:
                ProjectMessage(connection, room.Key, added);
                break;
        }
    }

    private static void Insert(SqliteConnection connection, long roomKey, RoomEvent added)
    {
        if (added.Type == EventType.MessageCreated)
        {
            connection.Prepare(InsertMessage)
                .Bind(1, roomKey).Bind(2, added.Seq).Bind(3, added.Sender.Value).Bind(4, added.At.ToUnixTimeMilliseconds())
                .Bind(5, added.ClientId?.Value).Bind(6, added.ReplyTo).Bind(7, added.Text).Run();
            return;
        }

        connection.Prepare(InsertEvent)
            .Bind(1, roomKey).Bind(2, added.Seq).Bind(3, (long)added.Type).Bind(4, added.Sender.Value).Bind(5, added.At.ToUnixTimeMilliseconds())
            .Bind(6, added.ClientId?.Value).Bind(7, added.Target).Bind(8, added.Text).Bind(9, added.Emoji)
            .Bind(10, added.User?.Value).Bind(11, (long?)added.Role).Bind(12, (long?)added.Kind).Bind(13, added.Name).Bind(14, added.Topic).Run();
    }

    private static void ProjectRoom(SqliteConnection connection, SqliteRoom room, RoomEvent added)
    {
        RoomState state = room.State;
        if (added.Name is not null)
        {
            state = state with { Name = added.Name, NameSeq = added.Seq };
        }

        if (added.Topic is not null)
        {
            state = state with { Topic = added.Topic.Length == 0 ? null : added.Topic, TopicSeq = added.Seq };
        }

        connection.Prepare(UpdateRoomRow)
            .Bind(1, state.Name).Bind(2, state.Name is null ? null : FoldedText.Of(state.Name)).Bind(3, state.NameSeq)
            .Bind(4, state.Topic).Bind(5, state.TopicSeq).Bind(6, room.Key).Run();
        room.State = state;
    }

    private void ProjectMember(SqliteConnection connection, SqliteRoom room, RoomEvent added)
    {
        UserId user = added.User!.Value;
        if (added.Type == EventType.MemberUpdated)
        {
            connection.Prepare(UpdateRole).Bind(1, (long)added.Role!.Value).Bind(2, room.Key).Bind(3, user.Value).Run();
            cache.Set(room, user, cache.Member(connection, room, user)! with { Role = added.Role.Value });
            return;
        }

        bool joined = added.Type == EventType.MemberJoined;
        long at = added.At.ToUnixTimeMilliseconds();
        if (joined)
        {
            connection.Prepare(InsertMember).Bind(1, room.Key).Bind(2, user.Value).Bind(3, (long)added.Role!.Value).Bind(4, added.Seq).Bind(5, at).Run();
            cache.Set(room, user, new RoomMember(user, added.Role.Value, added.Seq, added.At));
        }
        else
        {
            connection.Prepare(DeleteMember).Bind(1, room.Key).Bind(2, user.Value).Run();
            cache.Set(room, user, member: null);
        }

        room.State = room.State with { Members = room.State.Members + (joined ? 1 : -1) };
        connection.Prepare(UpdateMemberCount).Bind(1, room.State.Members).Bind(2, room.Key).Run();
        if (tells)
        {
            connection.Prepare(InsertOutbox)
                .Bind(1, room.Tenant.Value).Bind(2, user.Value).Bind(3, room.State.Id.Value).Bind(4, added.Seq).Bind(5, joined ? 1 : 0).Bind(6, at).Run();
        }
    }

    private void ProjectMessage(SqliteConnection connection, long roomKey, RoomEvent added)
    {
        long target = added.Target!.Value;
        connection.Prepare(TouchMessage).Bind(1, roomKey).Bind(2, target).Bind(3, added.Seq).Run();
        switch (added.Type)
        {
            case EventType.MessageEdited:
                connection.Prepare(EditState).Bind(1, roomKey).Bind(2, target).Run();
                break;
            case EventType.MessageDeleted:
                connection.Prepare(DeleteState).Bind(1, roomKey).Bind(2, target).Run();
                Erase(connection, roomKey, target);
                break;
            case EventType.MessagePinned:
            case EventType.MessageUnpinned:
                connection.Prepare(PinState).Bind(1, added.Type == EventType.MessagePinned ? 1 : 0).Bind(2, roomKey).Bind(3, target).Run();
                break;
            case EventType.ReactionAdded:
                ProjectReaction(connection, roomKey, target, added, present: true);
                connection.Prepare(CountReactionIn).Bind(1, roomKey).Bind(2, target).Bind(3, added.Emoji).Bind(4, added.Seq).Run();
                break;
            case EventType.ReactionRemoved:
                ProjectReaction(connection, roomKey, target, added, present: false);
                connection.Prepare(CountReactionOut).Bind(1, roomKey).Bind(2, target).Bind(3, added.Emoji).Run();
                connection.Prepare(DropEmoji).Bind(1, roomKey).Bind(2, target).Bind(3, added.Emoji).Run();
                break;
            default:
                throw new InvalidOperationException($"No projection of {added.Type}.");
        }
    }

    private static void ProjectReaction(SqliteConnection connection, long roomKey, long target, RoomEvent added, bool present) =>
        connection.Prepare(PutReaction)
            .Bind(1, roomKey).Bind(2, target).Bind(3, added.Sender.Value).Bind(4, added.Emoji).Bind(5, added.Seq).Bind(6, present ? 1 : 0).Run();

    /// <summary>
    /// Removes the texts of a message and of its edits. secure_delete overwrites where they stood in the database file; older pages in the
    /// write-ahead log go with the next <see cref="SqliteDatabase.Scrub"/>. What file system and disk keep of overwritten blocks is beyond us, and so are backups.
    /// </summary>
    private void Erase(SqliteConnection connection, long roomKey, long target)
    {
        connection.Prepare(EraseMessage).Bind(1, roomKey).Bind(2, target).Run();
        connection.Prepare(EraseEdits).Bind(1, roomKey).Bind(2, target).Run();
        connection.Prepare(DeleteReactions).Bind(1, roomKey).Bind(2, target).Run();
        connection.Prepare(DeleteEmoji).Bind(1, roomKey).Bind(2, target).Run();
        database.Erased();
    }
}
