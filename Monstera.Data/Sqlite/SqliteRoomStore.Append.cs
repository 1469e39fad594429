using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sqlite;

public sealed partial class SqliteRoomStore
{
    private static readonly SqliteQuery FindByClientId = new("SELECT seq, at FROM event WHERE client_id = ? AND room_key = ? AND sender = ?");
    private static readonly SqliteQuery FindTime = new("SELECT at FROM event WHERE room_key = ? AND seq = ?");

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<AppendOutcome>> Append(IReadOnlyList<Draft> drafts, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(drafts);
        if (drafts.Count == 0)
        {
            return ValueTask.FromResult<IReadOnlyList<AppendOutcome>>([]);
        }

        var at = DateTimeOffset.FromUnixTimeMilliseconds(now.ToUnixTimeMilliseconds());
        return _database.Write<IReadOnlyList<AppendOutcome>>(
            connection =>
            {
                var outcomes = new AppendOutcome[drafts.Count];
                for (int i = 0; i < outcomes.Length; i++)
                {
                    outcomes[i] = AppendOne(connection, drafts[i], at);
                }

                return outcomes;
            },
            cancel);
    }

    /// <summary>
    /// 1. finds the room, in the draft's tenant; 2. recognises a retry, before anything is asked of it; 3. decides; 4. stores. Nothing is written before the
    /// decision, so that a refused draft leaves no trace.
    /// </summary>
    private AppendOutcome AppendOne(SqliteConnection connection, Draft draft, DateTimeOffset now)
    {
        // 1.
        SqliteRoom? holder = _cache.Room(connection, draft.Room);
        SqliteRoom? room = holder?.Tenant == draft.Tenant ? holder : null;

        // 2.
        if (room is not null && draft.ClientId is { } clientId && FindRetried(connection, room, draft.Sender, clientId) is { } first)
        {
            return first;
        }

        // 3.
        Decision decision = Decide(connection, draft, room, idTaken: holder is not null && room is null, now);
        if (decision.Refusal is not null)
        {
            return new AppendOutcome { Refusal = decision.Refusal };
        }

        if (decision.AlreadySeq > 0)
        {
            return new AppendOutcome { Epoch = room!.State.Epoch, Seq = decision.AlreadySeq, At = TimeOf(connection, room, decision.AlreadySeq) };
        }

        // 4.
        room ??= _projection.InsertRoom(connection, draft.Tenant, decision.Events[0]);
        foreach (RoomEvent added in decision.Events)
        {
            _projection.Store(connection, room, added);
        }

        return new AppendOutcome { Epoch = room.State.Epoch, Seq = decision.Events[0].Seq, At = now, Events = decision.Events };
    }

    private static AppendOutcome? FindRetried(SqliteConnection connection, SqliteRoom room, UserId sender, ClientId clientId)
    {
        using SqliteStatement row = connection.Prepare(FindByClientId).Bind(1, clientId.Value).Bind(2, room.Key).Bind(3, sender.Value);
        return row.Step() ? new AppendOutcome { Epoch = room.State.Epoch, Seq = row.Int64(0), At = row.Time(1) } : null;
    }

    private static DateTimeOffset TimeOf(SqliteConnection connection, SqliteRoom room, long seq)
    {
        using SqliteStatement row = connection.Prepare(FindTime).Bind(1, room.Key).Bind(2, seq);
        return row.Step() ? row.Time(0) : throw new InvalidOperationException($"Room {room.State.Id} has no event {seq}.");
    }

    /// <summary>Loads the facts that the rules of this draft ask for, and no others.</summary>
    private Decision Decide(SqliteConnection connection, Draft draft, SqliteRoom? room, bool idTaken, DateTimeOffset now)
    {
        RoomState? state = room?.State;
        RoomMember? sender = room is null ? null : _cache.Member(connection, room, draft.Sender);
        switch (draft)
        {
            case CreateRoom create:
                return RoomRules.Create(create, state, idTaken, sender, now);
            case AdmitMember admit:
                return RoomRules.Admit(admit, state, idTaken, sender, now);
            case JoinRoom join:
                return RoomRules.Join(join, state, sender, now);
        }

        if (room is null)
        {
            return Decision.Refuse(RoomRules.NoRoom);
        }

        return draft switch
        {
            SendMessage send => RoomRules.Send(send, state, sender, send.ReplyTo is { } replied ? Message(connection, room, replied) : null, now),
            EditMessage edit => RoomRules.Edit(edit, state, sender, Message(connection, room, edit.Target), now),
            DeleteMessage delete => RoomRules.Delete(delete, state, sender, Message(connection, room, delete.Target), now),
            React react => DecideReact(connection, react, room, sender, now),
            Pin pin => RoomRules.Pin(pin, state, sender, Message(connection, room, pin.Target), Count(connection, CountPins, room.Key), now),
            UpdateRoom update => RoomRules.Update(update, state, sender, now),
            AddMember add => RoomRules.Add(add, state, sender, _cache.Member(connection, room, add.User), now),
            RemoveMember remove => RoomRules.Remove(
                remove, state, sender, _cache.Member(connection, room, remove.User), LastAbout(connection, room, remove.User), Count(connection, CountOwners, room.Key), now),
            ChangeRole change => RoomRules.Change(
                change, state, sender, _cache.Member(connection, room, change.User), LastAbout(connection, room, change.User), Count(connection, CountOwners, room.Key), now),
            _ => throw new ArgumentException($"A draft of an unknown kind: {draft.GetType().Name}.", nameof(draft)),
        };
    }

    private static Decision DecideReact(SqliteConnection connection, React draft, SqliteRoom room, RoomMember? sender, DateTimeOffset now)
    {
        ReactionState? mine = null;
        using (SqliteStatement row = connection.Prepare(FindReaction)
            .Bind(1, room.Key).Bind(2, draft.Target).Bind(3, draft.Sender.Value).Bind(4, draft.Emoji))
        {
            if (row.Step())
            {
                mine = new ReactionState(row.Bool(0), row.Int64(1));
            }
        }

        using SqliteStatement counts = connection.Prepare(CountEmoji).Bind(1, draft.Emoji).Bind(2, room.Key).Bind(3, draft.Target);
        counts.Step();
        (int emojis, bool there) = (counts.Int32(0), counts.Bool(1));
        return RoomRules.React(draft, room.State, sender, Message(connection, room, draft.Target), mine, there, emojis, now);
    }

    private static readonly SqliteQuery FindReaction = new(
        "SELECT present, seq FROM reaction WHERE room_key = ? AND target = ? AND user = ? AND emoji = ?");

    private static readonly SqliteQuery CountEmoji = new(
        "SELECT count(*), coalesce(max(emoji = ?), 0) FROM reaction_emoji WHERE room_key = ? AND target = ?");

    private static readonly SqliteQuery CountPins = new("SELECT count(*) FROM message_state WHERE room_key = ? AND pinned = 1");

    private static readonly SqliteQuery CountOwners = new("SELECT count(*) FROM member WHERE room_key = ? AND role = 3");

    private static readonly SqliteQuery LastSubject = new("SELECT max(seq) FROM event WHERE room_key = ? AND subject = ?");

    private static readonly SqliteQuery FindTarget = new(
        """
        SELECT e.sender, CASE WHEN s.edited_seq IS NULL THEN e.text ELSE t.text END, coalesce(s.edited_seq, e.seq), s.deleted_seq, coalesce(s.pinned, 0), s.pin_seq
        FROM event e
        LEFT JOIN message_state s ON s.room_key = e.room_key AND s.seq = e.seq
        LEFT JOIN event t ON t.room_key = e.room_key AND t.seq = s.edited_seq
        WHERE e.room_key = ? AND e.seq = ? AND e.type = 20
        """);

    private static MessageState? Message(SqliteConnection connection, SqliteRoom room, long seq)
    {
        using SqliteStatement row = connection.Prepare(FindTarget).Bind(1, room.Key).Bind(2, seq);
        return row.Step()
            ? new MessageState(seq, new UserId(row.Guid(0)), row.TextOrNull(1), row.Int64(2), row.Int64OrNull(3), row.Bool(4), row.Int64OrNull(5))
            : null;
    }

    private static long? LastAbout(SqliteConnection connection, SqliteRoom room, UserId user)
    {
        using SqliteStatement row = connection.Prepare(LastSubject).Bind(1, room.Key).Bind(2, user.Value);
        return row.Step() ? row.Int64OrNull(0) : null;
    }

    private static int Count(SqliteConnection connection, SqliteQuery query, long roomKey)
    {
        using SqliteStatement row = connection.Prepare(query).Bind(1, roomKey);
        row.Step();
        return row.Int32(0);
    }
}
