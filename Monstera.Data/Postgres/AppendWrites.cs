using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres;

/// <summary>What a batch of drafts came to, or copied events, written with arrays: as many statements as kinds of rows.</summary>
/// <param name="now">The time of all events. Null: they are copied, have their own times, and nobody is to be told of changes of members.</param>
internal sealed class AppendWrites(DateTimeOffset? now)
{
    private const string InsertRooms =
        """
        INSERT INTO rooms.room (room_key, id, tenant, slot, kind, name, name_folded, name_seq, topic, topic_seq, members, created_at, epoch)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """;

    private const string UpdateRooms =
        """
        UPDATE rooms.room r SET name = u.name, name_folded = u.folded, name_seq = u.name_seq, topic = u.topic, topic_seq = u.topic_seq, members = u.members
        FROM unnest($1, $2, $3, $4, $5, $6, $7) u (room_key, name, folded, name_seq, topic, topic_seq, members) WHERE r.room_key = u.room_key
        """;

    private const string InsertMessages =
        """
        INSERT INTO rooms.event (room_key, seq, tenant, sender, client_id, reply_to, text, type, at)
        SELECT u.*, 20, $8 FROM unnest($1, $2, $3, $4, $5, $6, $7) u
        """;

    private const string CopyMessages =
        """
        INSERT INTO rooms.event (room_key, seq, tenant, sender, client_id, reply_to, text, at, type)
        SELECT u.*, 20 FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) u
        """;

    private const string InsertEvents =
        """
        INSERT INTO rooms.event (room_key, seq, tenant, sender, client_id, text, type, target, subject, role, kind, emoji, name, topic, at)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        """;

    private const string EraseTexts =
        """
        UPDATE rooms.event e SET text = NULL FROM unnest($1, $2) u (room_key, seq)
        WHERE e.room_key = u.room_key AND e.seq = u.seq AND e.text IS NOT NULL
        """;

    private const string EraseEdits =
        """
        UPDATE rooms.event e SET text = NULL FROM unnest($1, $2) u (room_key, target)
        WHERE e.room_key = u.room_key AND e.target = u.target AND e.type = 21 AND e.text IS NOT NULL
        """;

    private const string DeleteReactions = "DELETE FROM rooms.reaction r USING unnest($1, $2) u (room_key, target) WHERE r.room_key = u.room_key AND r.target = u.target";

    private const string DeleteAllEmoji = "DELETE FROM rooms.reaction_emoji r USING unnest($1, $2) u (room_key, target) WHERE r.room_key = u.room_key AND r.target = u.target";

    private const string PutStates =
        """
        INSERT INTO rooms.message_state (room_key, seq, tenant, rev, edited_seq, deleted_seq, pinned, pin_seq)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (room_key, seq) DO UPDATE SET rev = excluded.rev, edited_seq = excluded.edited_seq, deleted_seq = excluded.deleted_seq,
            pinned = excluded.pinned, pin_seq = excluded.pin_seq
        """;

    private const string PutReactions =
        """
        INSERT INTO rooms.reaction (room_key, target, user_id, emoji, tenant, seq, present)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (room_key, target, user_id, emoji) DO UPDATE SET seq = excluded.seq, present = excluded.present
        """;

    private const string DeleteEmoji =
        """
        DELETE FROM rooms.reaction_emoji r USING unnest($1, $2, $3) u (room_key, target, emoji)
        WHERE r.room_key = u.room_key AND r.target = u.target AND r.emoji = u.emoji
        """;

    private const string PutEmoji =
        """
        INSERT INTO rooms.reaction_emoji (room_key, target, emoji, tenant, first_seq, users)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
        ON CONFLICT (room_key, target, emoji) DO UPDATE SET first_seq = excluded.first_seq, users = excluded.users
        """;

    private const string DeleteMembers = "DELETE FROM rooms.member m USING unnest($1, $2) u (room_key, user_id) WHERE m.room_key = u.room_key AND m.user_id = u.user_id";

    private const string PutMembers =
        """
        INSERT INTO rooms.member (room_key, user_id, tenant, role, joined_seq, joined_at)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6)
        ON CONFLICT (room_key, user_id) DO UPDATE SET role = excluded.role, joined_seq = excluded.joined_seq, joined_at = excluded.joined_at
        """;

    // Until the commit: see the table.
    private const string LockOutbox = "SELECT pg_advisory_xact_lock($1, 0)";

    private const string InsertOutbox =
        """
        INSERT INTO rooms.membership_outbox (tenant, user_id, room, seq, member, at)
        SELECT u.tenant, u.user_id, u.room, u.seq, u.member, u.at FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY u (tenant, user_id, room, seq, member, at, n) ORDER BY u.n
        """;

    private readonly List<(AppendRoom Room, RoomEvent Event)> _messages = [];
    private readonly List<(AppendRoom Room, RoomEvent Event)> _others = [];
    private readonly HashSet<AppendRoom> _rooms = [];

    public bool IsEmpty => _messages.Count == 0 && _others.Count == 0;

    /// <summary>The event was decided on, and applied to its room.</summary>
    public void Add(AppendRoom room, RoomEvent added)
    {
        (added.Type == EventType.MessageCreated ? _messages : _others).Add((room, added));
        _rooms.Add(room);
        if (added.Type == EventType.MessageDeleted)
        {
            // What this batch itself brought and erases again is never written.
            Erase(_messages, room, e => e.Seq == added.Target);
            Erase(_others, room, e => e.Target == added.Target && e.Type == EventType.MessageEdited);
        }
    }

    public void Ask(PostgresBatch batch)
    {
        WriteRooms(batch);
        WriteEvents(batch);
        WriteMessageStates(batch);
        WriteReactions(batch);
        WriteMembers(batch);

        if (now is not null)
        {
            // Last, so that nobody waits for this lock while holding it up.
            WriteOutbox(batch);
        }
    }

    private static void Erase(List<(AppendRoom Room, RoomEvent Event)> events, AppendRoom room, Func<RoomEvent, bool> isErased)
    {
        for (int i = 0; i < events.Count; i++)
        {
            if (events[i].Room == room && isErased(events[i].Event))
            {
                events[i] = (room, events[i].Event with { Text = null });
            }
        }
    }

    private void WriteRooms(PostgresBatch batch)
    {
        // By id: two servers that make the same rooms wait for each other in one order.
        AppendRoom[] made = [.. _rooms.Where(r => r.MadeAt is not null).OrderBy(r => r.State.Id.ToString(), StringComparer.Ordinal)];
        if (made.Length > 0)
        {
            batch.Do(
                InsertRooms, Sql.Of([.. made.Select(r => r.Key)]), Sql.Of([.. made.Select(r => r.State.Id.Value)]), Sql.Of([.. made.Select(r => r.Tenant.Value)]),
                Sql.Of([.. made.Select(r => Slot.Of(r.State.Id))]), Sql.Of([.. made.Select(r => (short)r.State.Kind)]), Names(made), FoldedNames(made), NameSeqs(made),
                Topics(made), TopicSeqs(made), MemberCounts(made), Sql.Of([.. made.Select(r => r.MadeAt!.Value.UtcDateTime)]), Sql.Of([.. made.Select(r => r.State.Epoch)]));
        }

        AppendRoom[] changed = [.. _rooms.Where(r => r.IsChanged && r.MadeAt is null)];
        if (changed.Length > 0)
        {
            batch.Do(
                UpdateRooms, Sql.Of([.. changed.Select(r => r.Key)]), Names(changed), FoldedNames(changed), NameSeqs(changed), Topics(changed), TopicSeqs(changed),
                MemberCounts(changed));
        }
    }

    private static NpgsqlParameter Names(AppendRoom[] rooms) => Sql.Of([.. rooms.Select(r => r.State.Name)]);

    private static NpgsqlParameter FoldedNames(AppendRoom[] rooms) => Sql.Of([.. rooms.Select(r => r.State.Name is { } name ? FoldedText.Of(name) : null)]);

    private static NpgsqlParameter NameSeqs(AppendRoom[] rooms) => Sql.Of([.. rooms.Select(r => r.State.NameSeq)]);

    private static NpgsqlParameter Topics(AppendRoom[] rooms) => Sql.Of([.. rooms.Select(r => r.State.Topic)]);

    private static NpgsqlParameter TopicSeqs(AppendRoom[] rooms) => Sql.Of([.. rooms.Select(r => r.State.TopicSeq)]);

    private static NpgsqlParameter MemberCounts(AppendRoom[] rooms) => Sql.Of([.. rooms.Select(r => r.State.Members)]);

    private void WriteEvents(PostgresBatch batch)
    {
        List<(AppendRoom Room, RoomEvent Event)> rows = _messages;
        if (rows.Count > 0)
        {
            batch.Do(
                now is null ? CopyMessages : InsertMessages, Keys(rows), Seqs(rows), Tenants(rows), Senders(rows), ClientIds(rows),
                Sql.Of([.. rows.Select(r => r.Event.ReplyTo)]), Texts(rows), now is { } at ? Sql.Of(at.UtcDateTime) : Times(rows));
        }

        rows = _others;
        if (rows.Count > 0)
        {
            batch.Do(
                InsertEvents, Keys(rows), Seqs(rows), Tenants(rows), Senders(rows), ClientIds(rows), Texts(rows),
                Sql.Of([.. rows.Select(r => (short)r.Event.Type)]), Sql.Of([.. rows.Select(r => r.Event.Target)]), Sql.Of([.. rows.Select(r => r.Event.User?.Value)]),
                Sql.Of([.. rows.Select(r => (short?)r.Event.Role)]), Sql.Of([.. rows.Select(r => (short?)r.Event.Kind)]), Sql.Of([.. rows.Select(r => r.Event.Emoji)]),
                Sql.Of([.. rows.Select(r => r.Event.Name)]), Sql.Of([.. rows.Select(r => r.Event.Topic)]), Times(rows));
        }
    }

    private static NpgsqlParameter Keys(List<(AppendRoom Room, RoomEvent Event)> rows) => Sql.Of([.. rows.Select(r => r.Room.Key)]);

    private static NpgsqlParameter Seqs(List<(AppendRoom Room, RoomEvent Event)> rows) => Sql.Of([.. rows.Select(r => r.Event.Seq)]);

    private static NpgsqlParameter Tenants(List<(AppendRoom Room, RoomEvent Event)> rows) => Sql.Of([.. rows.Select(r => r.Room.Tenant.Value)]);

    private static NpgsqlParameter Senders(List<(AppendRoom Room, RoomEvent Event)> rows) => Sql.Of([.. rows.Select(r => r.Event.Sender.Value)]);

    private static NpgsqlParameter ClientIds(List<(AppendRoom Room, RoomEvent Event)> rows) => Sql.Of([.. rows.Select(r => r.Event.ClientId?.Value)]);

    private static NpgsqlParameter Texts(List<(AppendRoom Room, RoomEvent Event)> rows) => Sql.Of([.. rows.Select(r => r.Event.Text)]);

    private static NpgsqlParameter Times(List<(AppendRoom Room, RoomEvent Event)> rows) => Sql.Of([.. rows.Select(r => r.Event.At.UtcDateTime)]);

    private void WriteMessageStates(PostgresBatch batch)
    {
        (AppendRoom Room, AppendMessage Message)[] rows = [.. _rooms.SelectMany(room => room.Messages.Values.Where(m => m.Rev > 0), (room, message) => (room, message))];
        if (rows.Length == 0)
        {
            return;
        }

        batch.Do(
            PutStates, Sql.Of([.. rows.Select(r => r.Room.Key)]), Sql.Of([.. rows.Select(r => r.Message.State.Seq)]), Sql.Of([.. rows.Select(r => r.Room.Tenant.Value)]),
            Sql.Of([.. rows.Select(r => r.Message.Rev)]), Sql.Of([.. rows.Select(r => r.Message.State is var s && s.TextSeq == s.Seq ? null : (long?)s.TextSeq)]),
            Sql.Of([.. rows.Select(r => r.Message.State.DeletedSeq)]), Sql.Of([.. rows.Select(r => r.Message.State.Pinned)]), Sql.Of([.. rows.Select(r => r.Message.State.PinSeq)]));

        // Deleted by this batch. What was new in it was written without the text already.
        (AppendRoom Room, AppendMessage Message)[] deleted = [.. rows.Where(r => r.Message.State.DeletedSeq is { } seq && r.Room.IsOfThisBatch(seq))];
        if (deleted.Length > 0)
        {
            NpgsqlParameter[] Parameters() => [Sql.Of([.. deleted.Select(r => r.Room.Key)]), Sql.Of([.. deleted.Select(r => r.Message.State.Seq)])];
            batch.Do(EraseTexts, Parameters()).Do(EraseEdits, Parameters()).Do(DeleteReactions, Parameters()).Do(DeleteAllEmoji, Parameters());
        }
    }

    private void WriteReactions(PostgresBatch batch)
    {
        (AppendRoom Room, AppendMessage Message)[] messages = [.. _rooms.SelectMany(room => room.Messages.Values.Where(m => m.ChangedEmoji.Count > 0), (room, message) => (room, message))];
        if (messages.Length == 0)
        {
            return;
        }

        (AppendRoom Room, long Target, UserId User, string Emoji, ReactionState State)[] reactions =
            [.. messages.SelectMany(m => m.Message.ChangedReactions, (m, c) => (m.Room, m.Message.State.Seq, c.User, c.Emoji, m.Message.Reactions[c]))];
        batch.Do(
            PutReactions, Sql.Of([.. reactions.Select(r => r.Room.Key)]), Sql.Of([.. reactions.Select(r => r.Target)]), Sql.Of([.. reactions.Select(r => r.User.Value)]),
            Sql.Of([.. reactions.Select(r => r.Emoji)]), Sql.Of([.. reactions.Select(r => r.Room.Tenant.Value)]), Sql.Of([.. reactions.Select(r => r.State.Seq)]),
            Sql.Of([.. reactions.Select(r => r.State.On)]));

        (AppendRoom Room, AppendMessage Message, string Emoji)[] changed = [.. messages.SelectMany(m => m.Message.ChangedEmoji, (m, emoji) => (m.Room, m.Message, emoji))];
        (AppendRoom Room, AppendMessage Message, string Emoji)[] gone = [.. changed.Where(c => !c.Message.Emoji.ContainsKey(c.Emoji))];
        if (gone.Length > 0)
        {
            batch.Do(DeleteEmoji, Sql.Of([.. gone.Select(c => c.Room.Key)]), Sql.Of([.. gone.Select(c => c.Message.State.Seq)]), Sql.Of([.. gone.Select(c => c.Emoji)]));
        }

        (AppendRoom Room, AppendMessage Message, string Emoji)[] there = [.. changed.Where(c => c.Message.Emoji.ContainsKey(c.Emoji))];
        if (there.Length > 0)
        {
            batch.Do(
                PutEmoji, Sql.Of([.. there.Select(c => c.Room.Key)]), Sql.Of([.. there.Select(c => c.Message.State.Seq)]), Sql.Of([.. there.Select(c => c.Emoji)]),
                Sql.Of([.. there.Select(c => c.Room.Tenant.Value)]), Sql.Of([.. there.Select(c => c.Message.Emoji[c.Emoji].FirstSeq)]),
                Sql.Of([.. there.Select(c => c.Message.Emoji[c.Emoji].Users)]));
        }
    }

    private void WriteMembers(PostgresBatch batch)
    {
        (AppendRoom Room, UserId User)[] changed = [.. _rooms.SelectMany(room => room.ChangedMembers, (room, user) => (room, user))];
        (AppendRoom Room, UserId User)[] gone = [.. changed.Where(c => !c.Room.Members.ContainsKey(c.User))];
        if (gone.Length > 0)
        {
            batch.Do(DeleteMembers, Sql.Of([.. gone.Select(c => c.Room.Key)]), Sql.Of([.. gone.Select(c => c.User.Value)]));
        }

        (AppendRoom Room, RoomMember Member)[] there = [.. changed.Where(c => c.Room.Members.ContainsKey(c.User)).Select(c => (c.Room, c.Room.Members[c.User]))];
        if (there.Length > 0)
        {
            batch.Do(
                PutMembers, Sql.Of([.. there.Select(c => c.Room.Key)]), Sql.Of([.. there.Select(c => c.Member.User.Value)]), Sql.Of([.. there.Select(c => c.Room.Tenant.Value)]),
                Sql.Of([.. there.Select(c => (short)c.Member.Role)]), Sql.Of([.. there.Select(c => c.Member.JoinedSeq)]), Sql.Of([.. there.Select(c => c.Member.JoinedAt.UtcDateTime)]));
        }
    }

    private void WriteOutbox(PostgresBatch batch)
    {
        List<(AppendRoom Room, RoomEvent Event)> changes = [.. _others.Where(o => o.Event.Type is EventType.MemberJoined or EventType.MemberLeft)];
        if (changes.Count > 0)
        {
            batch.Skip(LockOutbox, Sql.Of(PostgresLocks.Outbox)).Do(
                InsertOutbox, Tenants(changes), Sql.Of([.. changes.Select(c => c.Event.User!.Value.Value)]),
                Sql.Of([.. changes.Select(c => c.Room.State.Id.Value)]), Seqs(changes),
                Sql.Of([.. changes.Select(c => c.Event.Type == EventType.MemberJoined)]), Times(changes));
        }
    }
}
