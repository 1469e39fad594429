using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres;

/// <summary>
/// What must be known for a batch of drafts (by the rules) or of copied events (by their projection), asked for with arrays: the number of statements hangs on the kinds of them, never on how
/// many there are. Statements that nobody needs are left out; a batch of messages asks for rooms, members and retries, and copied messages for rooms alone.
/// </summary>
internal sealed class AppendFacts
{
    // Every query enters through the room, in the draft's tenant.
    private const string ReadRooms =
        """
        SELECT r.id, r.tenant, r.room_key, r.kind, r.name, r.name_seq, r.topic, r.topic_seq, r.epoch, r.members, h.seq
        FROM rooms.room r
        CROSS JOIN LATERAL (SELECT e.seq FROM rooms.event e WHERE e.room_key = r.room_key ORDER BY e.seq DESC LIMIT 1) h
        WHERE r.id = ANY ($1)
        """;

    // Lateral, and OFFSET 0: looked up one by one, in this order. Left to itself the planner may begin with all rooms, or with a room's whole log, which cost nothing while the tables are
    // nearly empty; and the plan stays when they no longer are, until the statistics are renewed, which made appends wait for up to half a second in a busy new installation.
    private const string OfRoom = "CROSS JOIN LATERAL (SELECT r.room_key FROM rooms.room r WHERE r.id = d.room AND r.tenant = d.tenant OFFSET 0) r";

    private const string ReadMembers =
        $"""
        SELECT d.n, m.role, m.joined_seq, m.joined_at
        FROM unnest($1, $2, $3) WITH ORDINALITY d (room, tenant, user_id, n)
        {OfRoom}
        CROSS JOIN LATERAL (SELECT m.role, m.joined_seq, m.joined_at FROM rooms.member m WHERE m.room_key = r.room_key AND m.user_id = d.user_id OFFSET 0) m
        """;

    // From a row to the same row: three comparisons for equality would let the primary key be used for the middle one, and all of the room's events be looked at.
    private const string ReadRetries =
        $"""
        SELECT d.n, e.seq, e.at
        FROM unnest($1, $2, $3, $4) WITH ORDINALITY d (room, tenant, sender, client_id, n)
        {OfRoom}
        CROSS JOIN LATERAL (
            SELECT e.seq, e.at FROM rooms.event e
            WHERE e.client_id IS NOT NULL
              AND (e.client_id, e.room_key, e.sender) >= (d.client_id, r.room_key, d.sender) AND (e.client_id, e.room_key, e.sender) <= (d.client_id, r.room_key, d.sender)
            OFFSET 0) e
        """;

    // The text is long, and only an edit compares it ($4).
    private const string ReadMessages =
        $"""
        SELECT d.n, e.sender, CASE WHEN NOT $4 THEN NULL WHEN s.edited_seq IS NULL THEN e.text ELSE t.text END,
               coalesce(s.edited_seq, e.seq), s.deleted_seq, coalesce(s.pinned, false), s.pin_seq
        FROM unnest($1, $2, $3) WITH ORDINALITY d (room, tenant, seq, n)
        {OfRoom}
        CROSS JOIN LATERAL (SELECT e.* FROM rooms.event e WHERE e.room_key = r.room_key AND e.seq = d.seq AND e.type = 20 OFFSET 0) e
        LEFT JOIN rooms.message_state s ON s.room_key = e.room_key AND s.seq = e.seq
        LEFT JOIN rooms.event t ON t.room_key = e.room_key AND t.seq = s.edited_seq
        """;

    private const string ReadReactions =
        $"""
        SELECT d.n, x.present, x.seq
        FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY d (room, tenant, target, user_id, emoji, n)
        {OfRoom}
        CROSS JOIN LATERAL (
            SELECT x.present, x.seq FROM rooms.reaction x WHERE x.room_key = r.room_key AND x.target = d.target AND x.user_id = d.user_id AND x.emoji = d.emoji OFFSET 0) x
        """;

    private const string ReadEmoji =
        $"""
        SELECT d.n, x.emoji, x.first_seq, x.users
        FROM unnest($1, $2, $3) WITH ORDINALITY d (room, tenant, target, n)
        {OfRoom}
        CROSS JOIN LATERAL (SELECT x.emoji, x.first_seq, x.users FROM rooms.reaction_emoji x WHERE x.room_key = r.room_key AND x.target = d.target OFFSET 0) x
        """;

    private const string ReadLastAbout =
        $"""
        SELECT d.n, l.seq
        FROM unnest($1, $2, $3) WITH ORDINALITY d (room, tenant, user_id, n)
        {OfRoom}
        CROSS JOIN LATERAL (
            SELECT e.seq FROM rooms.event e WHERE e.room_key = r.room_key AND e.subject = d.user_id ORDER BY e.seq DESC LIMIT 1) l
        """;

    private const string CountOwners =
        """
        SELECT r.id, (SELECT count(*)::integer FROM rooms.member m WHERE m.room_key = r.room_key AND m.role = 3) FROM rooms.room r WHERE r.id = ANY ($1)
        """;

    private const string CountPins =
        """
        SELECT r.id, (SELECT count(*)::integer FROM rooms.message_state s WHERE s.room_key = r.room_key AND s.pinned) FROM rooms.room r WHERE r.id = ANY ($1)
        """;

    private const string ReadTaken = "SELECT rooms.taken($1)";

    private const string DrawKeys = "SELECT nextval('rooms.room_key') FROM generate_series(1, $1)";

    private readonly HashSet<(RoomId Room, TenantId Tenant, UserId User)> _members = [];
    private readonly List<Draft> _retries = [];
    private readonly HashSet<(RoomId Room, TenantId Tenant, long Seq)> _messages = [];
    private readonly List<React> _reactions = [];
    private readonly HashSet<(RoomId Room, TenantId Tenant, long Target)> _emoji = [];
    private readonly HashSet<(RoomId Room, TenantId Tenant, UserId User)> _subjects = [];
    private readonly HashSet<RoomId> _pinned = [];
    private readonly HashSet<RoomId> _made = [];
    private readonly bool _hasEdits;

    public AppendFacts(IReadOnlyList<Draft> drafts)
    {
        foreach (Draft draft in drafts)
        {
            _members.Add((draft.Room, draft.Tenant, draft.Sender));
            if (draft.ClientId is not null)
            {
                _retries.Add(draft);
            }

            Need(draft);
            _hasEdits |= draft is EditMessage;
        }
    }

    public AppendFacts(IReadOnlyList<LogPart> parts)
    {
        foreach (LogPart part in parts)
        {
            // Whether it is made, or another tenant's, is not known before.
            _made.Add(part.Room);
            foreach (RoomEvent copied in part.Events)
            {
                Need(part.Tenant, copied);
            }
        }
    }

    /// <summary>Rooms whose row the transaction holds.</summary>
    public HashSet<RoomId> Locked { get; } = [];

    /// <summary>Those of the batch's rooms that are there and of a tenant of the batch; rooms that the batch makes are added to them.</summary>
    public Dictionary<RoomId, AppendRoom> Rooms { get; } = [];

    /// <summary>Ids that may be those of new rooms, and are of rooms of tenants that the batch does not speak for.</summary>
    public HashSet<RoomId> Taken { get; } = [];

    /// <summary>For rooms that the batch makes: one for each that it may make.</summary>
    public Queue<long> FreshKeys { get; } = [];

    /// <summary>Adds the queries; run, they fill this.</summary>
    /// <param name="rooms">Ids of all rooms of the batch.</param>
    public void Ask(PostgresBatch batch, Guid[] rooms)
    {
        batch.Read(ReadRooms, ReadRoom, Sql.Of(rooms));
        if (_members.Count > 0)
        {
            AskMembers(batch);
        }

        if (_retries.Count > 0)
        {
            AskRetries(batch);
        }

        if (_messages.Count > 0)
        {
            AskMessages(batch);
        }

        if (_reactions.Count > 0)
        {
            AskReactions(batch);
        }

        if (_emoji.Count > 0)
        {
            AskEmoji(batch);
        }

        if (_subjects.Count > 0)
        {
            AskSubjects(batch);
        }

        if (_pinned.Count > 0)
        {
            batch.Read(CountPins, row => With(row.GetGuid(0), room => room.Pins = row.GetInt32(1)), Sql.Of([.. _pinned.Select(room => room.Value)]));
        }

        if (_made.Count > 0)
        {
            batch.Read(ReadTaken, row => Taken.Add(new RoomId(row.GetGuid(0))), Sql.Of([.. _made.Select(room => room.Value)]))
                .Read(DrawKeys, row => FreshKeys.Enqueue(row.GetInt64(0)), Sql.Of(_made.Count));
        }
    }

    private void Need(Draft draft)
    {
        switch (draft)
        {
            case SendMessage { ReplyTo: { } replied }:
                _messages.Add((draft.Room, draft.Tenant, replied));
                break;
            case EditMessage edit:
                _messages.Add((draft.Room, draft.Tenant, edit.Target));
                break;
            case DeleteMessage delete:
                _messages.Add((draft.Room, draft.Tenant, delete.Target));
                break;
            case React react:
                _messages.Add((draft.Room, draft.Tenant, react.Target));
                _reactions.Add(react);
                _emoji.Add((draft.Room, draft.Tenant, react.Target));
                break;
            case Pin pin:
                _messages.Add((draft.Room, draft.Tenant, pin.Target));
                _pinned.Add(draft.Room);
                break;
            case AddMember add:
                _members.Add((draft.Room, draft.Tenant, add.User));
                break;
            case RemoveMember remove:
                _members.Add((draft.Room, draft.Tenant, remove.User));
                _subjects.Add((draft.Room, draft.Tenant, remove.User));
                break;
            case ChangeRole change:
                _members.Add((draft.Room, draft.Tenant, change.User));
                _subjects.Add((draft.Room, draft.Tenant, change.User));
                break;
            case CreateRoom or AdmitMember:
                _made.Add(draft.Room);
                break;
        }
    }

    private void Need(TenantId tenant, RoomEvent copied)
    {
        if (copied.User is { } user)
        {
            _members.Add((copied.Room, tenant, user));
        }

        if (copied.Target is { } target)
        {
            _messages.Add((copied.Room, tenant, target));
            if (copied.Emoji is not null)
            {
                _emoji.Add((copied.Room, tenant, target));
            }
        }
    }

    private void ReadRoom(NpgsqlDataReader row)
    {
        var id = new RoomId(row.GetGuid(0));
        if (!Locked.Contains(id))
        {
            return; // see With
        }

        var state = new RoomState(
            id, (RoomKind)row.GetInt16(3), row.Text(4), row.GetInt64(5), row.Text(6), row.GetInt64(7), row.GetInt64(8), row.GetInt64(10), row.GetInt32(9));
        Rooms.Add(id, new AppendRoom(row.GetInt64(2), new TenantId(row.GetGuid(1)), state));
    }

    /// <summary>
    /// Leaves out a room that another server made after the rooms were locked: what is known of it may be stale at once. It stays unseen for this try; a draft that would make it
    /// too loses the race and is tried again.
    /// </summary>
    private void With(Guid room, Action<AppendRoom> then)
    {
        if (Rooms.TryGetValue(new RoomId(room), out AppendRoom? there))
        {
            then(there);
        }
    }

    private void AskMembers(PostgresBatch batch)
    {
        (RoomId Room, TenantId Tenant, UserId User)[] asked = [.. _members];
        batch.Read(
            ReadMembers,
            row =>
            {
                (RoomId room, _, UserId user) = asked[row.GetInt64(0) - 1];
                With(room.Value, r => r.Members[user] = new RoomMember(user, (RoomRole)row.GetInt16(1), row.GetInt64(2), row.Time(3)));
            },
            RoomsOf(asked), TenantsOf(asked), Sql.Of([.. asked.Select(a => a.User.Value)]));
    }

    private void AskRetries(PostgresBatch batch) => batch.Read(
        ReadRetries,
        row =>
        {
            Draft draft = _retries[(int)row.GetInt64(0) - 1];
            With(draft.Room.Value, room => room.Seen[(draft.Sender, draft.ClientId!.Value)] = (row.GetInt64(1), row.Time(2)));
        },
        Sql.Of([.. _retries.Select(d => d.Room.Value)]), Sql.Of([.. _retries.Select(d => d.Tenant.Value)]),
        Sql.Of([.. _retries.Select(d => d.Sender.Value)]), Sql.Of([.. _retries.Select(d => d.ClientId!.Value.Value)]));

    private void AskMessages(PostgresBatch batch)
    {
        (RoomId Room, TenantId Tenant, long Seq)[] asked = [.. _messages];
        batch.Read(
            ReadMessages,
            row =>
            {
                (RoomId room, _, long seq) = asked[row.GetInt64(0) - 1];
                var state = new MessageState(seq, new UserId(row.GetGuid(1)), row.Text(2), row.GetInt64(3), row.Long(4), row.GetBoolean(5), row.Long(6));
                With(room.Value, r => r.Messages[seq] = new AppendMessage(state));
            },
            RoomsOf(asked), TenantsOf(asked), Sql.Of([.. asked.Select(a => a.Seq)]), Sql.Of(_hasEdits));
    }

    // The message was asked for before; without one there is nothing to know of its reactions.
    private void AskReactions(PostgresBatch batch) => batch.Read(
        ReadReactions,
        row =>
        {
            React draft = _reactions[(int)row.GetInt64(0) - 1];
            var state = new ReactionState(row.GetBoolean(1), row.GetInt64(2));
            With(draft.Room.Value, room => room.Messages[draft.Target].Reactions[(draft.Sender, draft.Emoji)] = state);
        },
        Sql.Of([.. _reactions.Select(d => d.Room.Value)]), Sql.Of([.. _reactions.Select(d => d.Tenant.Value)]),
        Sql.Of([.. _reactions.Select(d => d.Target)]), Sql.Of([.. _reactions.Select(d => d.Sender.Value)]), Sql.Of([.. _reactions.Select(d => d.Emoji)]));

    private void AskEmoji(PostgresBatch batch)
    {
        (RoomId Room, TenantId Tenant, long Seq)[] asked = [.. _emoji];
        batch.Read(
            ReadEmoji,
            row =>
            {
                (RoomId room, _, long seq) = asked[row.GetInt64(0) - 1];
                With(room.Value, r => r.Messages[seq].Emoji[row.GetString(1)] = (row.GetInt64(2), row.GetInt32(3)));
            },
            RoomsOf(asked), TenantsOf(asked), Sql.Of([.. asked.Select(a => a.Seq)]));
    }

    private void AskSubjects(PostgresBatch batch)
    {
        (RoomId Room, TenantId Tenant, UserId User)[] asked = [.. _subjects];
        batch.Read(
            ReadLastAbout,
            row =>
            {
                (RoomId room, _, UserId user) = asked[row.GetInt64(0) - 1];
                With(room.Value, r => r.LastAbout[user] = row.GetInt64(1));
            },
            RoomsOf(asked), TenantsOf(asked), Sql.Of([.. asked.Select(a => a.User.Value)]));
        batch.Read(
            CountOwners, row => With(row.GetGuid(0), room => room.Owners = row.GetInt32(1)), Sql.Of([.. asked.Select(a => a.Room.Value).Distinct()]));
    }

    private static NpgsqlParameter RoomsOf<T>((RoomId Room, TenantId Tenant, T)[] asked) => Sql.Of([.. asked.Select(a => a.Room.Value)]);

    private static NpgsqlParameter TenantsOf<T>((RoomId Room, TenantId Tenant, T)[] asked) => Sql.Of([.. asked.Select(a => a.Tenant.Value)]);
}
