using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres;

#pragma warning disable CA1001 // The gate has no wait handle, so that there is nothing to free; disposed, it would let nobody out who waits.
public sealed partial class PostgresRoomStore
#pragma warning restore CA1001
{
    /// <summary>Losing races against other servers this many times in a row is a storage that is not available.</summary>
    internal const int AttemptsMax = 6;

    // Who moves a slot holds it alone, and is never waited for: slots that cannot be had are refused.
    private const string LockSlots = "SELECT slot FROM unnest($2) slot WHERE NOT pg_try_advisory_xact_lock_shared($1, slot)";

    // In a statement after the lock, which therefore sees what a mover committed before it let go.
    private const string CheckSlots =
        """
        SELECT u.slot FROM unnest($1, $2) u (slot, epoch)
        WHERE NOT EXISTS (SELECT FROM rooms.slot_owner o WHERE o.slot = u.slot AND o.epoch = u.epoch AND o.state = 1)
        """;

    // The locks of rows are not fair: who has just committed, and comes again, overtakes a server that has waited all the while and is only waking up. These are queues.
    private const string WaitForTurns = "SELECT count(pg_advisory_xact_lock($1, turn)) FROM (SELECT turn FROM unnest($2) turn ORDER BY turn) t";

    // NO KEY: keys do not change.
    internal const string LockRooms = "SELECT id FROM rooms.room WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE";

    private const string ReadTimes =
        "SELECT u.n, e.at FROM unnest($1, $2) WITH ORDINALITY u (room_key, seq, n) JOIN rooms.event e ON e.room_key = u.room_key AND e.seq = u.seq";

    private readonly SemaphoreSlim _appendGate = new(1, 1);

    /// <inheritdoc/>
    /// <remarks>
    /// <paramref name="cancel"/> counts until the batch's turn has come. From there on the timeouts of <see cref="PostgresOptions"/> bound it: who gave up in the middle would not
    /// know what became of it.
    /// </remarks>
    public async ValueTask<IReadOnlyList<AppendOutcome>> Append(IReadOnlyList<Draft> drafts, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(drafts);
        if (drafts.Count == 0)
        {
            return [];
        }

        var at = DateTimeOffset.FromUnixTimeMilliseconds(now.ToUnixTimeMilliseconds());
        await _appendGate.WaitAsync(cancel);
        try
        {
            return await AppendInTurn(drafts, at, cancel);
        }
        finally
        {
            _appendGate.Release();
        }
    }

    private async ValueTask<IReadOnlyList<AppendOutcome>> AppendInTurn(IReadOnlyList<Draft> drafts, DateTimeOffset now, CancellationToken cancel)
    {
        for (int attempt = 1; ; attempt++)
        {
            var append = new OneAppend(this, drafts, now);
            try
            {
                return await append.Run(cancel);
            }
            catch (Exception e) when (attempt < AttemptsMax && (PostgresFailure.IsRace(e) || LostRoomRace(e)))
            {
                // Rolled back for certain. The facts are read anew: the winner's room is among them then.
                _database.CountIfDeadlock(e);
            }
            catch (Exception e) when (attempt < AttemptsMax && PostgresFailure.IsUnprepared(e))
            {
                // Rolled back too. An error in the middle of a batch, such as a lost race, left the driver believing that the statements after it were prepared.
                _database.Source.Clear();
            }
            catch (Exception e) when (attempt == 1 && !append.MayHaveCommitted && PostgresFailure.IsConnectionLost(e))
            {
                // Lost while it lay idle in the pool, most likely, as its neighbours, or at any rate before anything was written.
                _database.Source.Clear();
            }
            catch (Exception e) when (PostgresFailure.IsFault(e))
            {
                _database.CountIfDeadlock(e);
                throw PostgresFailure.Of(e)!;
            }
        }
    }

    /// <summary>Another server made a room with the same id since the facts were read.</summary>
    internal static bool LostRoomRace(Exception e) =>
        e is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: "room_id" };

    /// <summary>
    /// One try of a batch, in two round trips: 1. begins, locks, reads the facts; 2. decides draft by draft, without the database; 3. writes and commits. READ COMMITTED:
    /// statements after the locks see what was committed before they were granted.
    /// </summary>
    private sealed class OneAppend(PostgresRoomStore store, IReadOnlyList<Draft> drafts, DateTimeOffset now)
    {
        private readonly AppendFacts _facts = new(drafts);
        private readonly AppendWrites _writes = new(now);
        private readonly AppendOutcome[] _outcomes = new AppendOutcome[drafts.Count];
        private readonly List<(int Draft, AppendRoom Room)> _timeless = [];

        /// <summary>The commit was sent: without an answer to it nobody knows.</summary>
        public bool MayHaveCommitted { get; private set; }

        public async ValueTask<AppendOutcome[]> Run(CancellationToken cancel)
        {
            await using NpgsqlConnection connection = await store._database.Source.OpenConnectionAsync(cancel);

            // 1.
            HashSet<short> moved = await LockAndRead(connection);
            if (moved.Count > 0)
            {
                await RollBack(connection);
                throw new RoomMovedException(moved);
            }

            // 2.
            try
            {
                for (int i = 0; i < drafts.Count; i++)
                {
                    _outcomes[i] = Decide(drafts[i], i);
                }
            }
            catch
            {
                await RollBack(connection);
                throw;
            }

            // 3.
            await WriteAndCommit(connection);
            return _outcomes;
        }

        private async ValueTask<HashSet<short>> LockAndRead(NpgsqlConnection connection)
        {
            RoomId[] rooms = [.. drafts.Select(d => d.Room).Distinct()];
            Guid[] ids = [.. rooms.Select(room => room.Value)];
            short[] slots = [.. rooms.Select(Slot.Of).Distinct().Order()];
            HashSet<short> moved = [];
            using var batch = new PostgresBatch(connection);
            batch.Do("BEGIN")
                .Skip(store._settings, TenantSetting(drafts.Select(d => d.Tenant).Distinct()))
                .Read(LockSlots, row => moved.Add((short)row.GetInt32(0)), Sql.Of(PostgresLocks.Slot), Sql.Of([.. slots.Select(slot => (int)slot)]))
                .Read(CheckSlots, row => moved.Add(row.GetInt16(0)), Sql.Of(slots), Sql.Of([.. slots.Select(store._epochOf)]))
                .Skip(WaitForTurns, Sql.Of(PostgresLocks.Turn), Sql.Of([.. slots.Select(PostgresLocks.TurnOf).Distinct()]))
                .Read(LockRooms, row => _facts.Locked.Add(new RoomId(row.GetGuid(0))), Sql.Of(ids));
            _facts.Ask(batch, ids);
            await RunOrRollBack(connection, batch, CancellationToken.None);
            return moved;
        }

        private async ValueTask WriteAndCommit(NpgsqlConnection connection)
        {
            using var batch = new PostgresBatch(connection);
            _writes.Ask(batch);
            if (_timeless.Count > 0)
            {
                batch.Read(
                    ReadTimes,
                    row =>
                    {
                        int draft = _timeless[(int)row.GetInt64(0) - 1].Draft;
                        _outcomes[draft] = _outcomes[draft] with { At = row.Time(1) };
                    },
                    Sql.Of([.. _timeless.Select(t => t.Room.Key)]), Sql.Of([.. _timeless.Select(t => _outcomes[t.Draft].Seq)]));
            }

            // Without a write there is nothing to wait for on the disk; the locks would make a commit do so.
            MayHaveCommitted = !_writes.IsEmpty;
            batch.Do(_writes.IsEmpty ? "ROLLBACK" : "COMMIT");
            await RunOrRollBack(connection, batch, CancellationToken.None);
        }

        /// <summary>As every provider does: finds the room in the draft's tenant, recognises a retry, asks the rules, takes the events over.</summary>
        private AppendOutcome Decide(Draft draft, int index)
        {
            AppendRoom? holder = _facts.Rooms.GetValueOrDefault(draft.Room);
            AppendRoom? room = holder?.Tenant == draft.Tenant ? holder : null;
            if (room is not null && draft.ClientId is { } clientId && room.Seen.TryGetValue((draft.Sender, clientId), out (long Seq, DateTimeOffset At) first))
            {
                return new AppendOutcome { Epoch = room.State.Epoch, Seq = first.Seq, At = first.At };
            }

            Decision decision = Ask(draft, room, idTaken: room is null && (holder is not null || _facts.Taken.Contains(draft.Room)));
            if (decision.Refusal is not null)
            {
                return new AppendOutcome { Refusal = decision.Refusal };
            }

            if (decision.AlreadySeq > 0)
            {
                if (!room!.IsOfThisBatch(decision.AlreadySeq))
                {
                    _timeless.Add((index, room));
                }

                return new AppendOutcome { Epoch = room.State.Epoch, Seq = decision.AlreadySeq, At = now };
            }

            room ??= Make(draft.Tenant, decision.Events[0]);
            foreach (RoomEvent added in decision.Events)
            {
                room.Apply(added);
                _writes.Add(room, added);
            }

            return new AppendOutcome { Epoch = room.State.Epoch, Seq = decision.Events[0].Seq, At = now, Events = decision.Events };
        }

        private AppendRoom Make(TenantId tenant, RoomEvent created)
        {
            var state = new RoomState(created.Room, created.Kind!.Value, created.Name, 1, created.Topic, 1, Epoch: 1, Head: 0, Members: 0);
            var room = new AppendRoom(_facts.FreshKeys.Dequeue(), tenant, state) { MadeAt = now };
            _facts.Rooms.Add(created.Room, room);
            return room;
        }

        private Decision Ask(Draft draft, AppendRoom? room, bool idTaken)
        {
            RoomState? state = room?.State;
            RoomMember? sender = room?.Members.GetValueOrDefault(draft.Sender);
            AppendMessage? Message(long seq) => room?.Messages.GetValueOrDefault(seq);
            RoomMember? Member(UserId user) => room?.Members.GetValueOrDefault(user);
            long? LastAbout(UserId user) => room is not null && room.LastAbout.TryGetValue(user, out long seq) ? seq : null;
            return draft switch
            {
                CreateRoom create => RoomRules.Create(create, state, idTaken, sender, now),
                AdmitMember admit => RoomRules.Admit(admit, state, idTaken, sender, now),
                JoinRoom join => RoomRules.Join(join, state, sender, now),
                SendMessage send => RoomRules.Send(send, state, sender, send.ReplyTo is { } replied ? Message(replied)?.State : null, now),
                EditMessage edit => RoomRules.Edit(edit, state, sender, Message(edit.Target)?.State, now),
                DeleteMessage delete => RoomRules.Delete(delete, state, sender, Message(delete.Target)?.State, now),
                React react => AskReact(react, state, sender, Message(react.Target)),
                Pin pin => RoomRules.Pin(pin, state, sender, Message(pin.Target)?.State, room?.Pins ?? 0, now),
                UpdateRoom update => RoomRules.Update(update, state, sender, now),
                AddMember add => RoomRules.Add(add, state, sender, Member(add.User), now),
                RemoveMember remove => RoomRules.Remove(remove, state, sender, Member(remove.User), LastAbout(remove.User), room?.Owners ?? 0, now),
                ChangeRole change => RoomRules.Change(change, state, sender, Member(change.User), LastAbout(change.User), room?.Owners ?? 0, now),
                _ => throw new ArgumentException($"A draft of an unknown kind: {draft.GetType().Name}.", nameof(draft)),
            };
        }

        private Decision AskReact(React draft, RoomState? room, RoomMember? sender, AppendMessage? message)
        {
            ReactionState? mine = message is not null && message.Reactions.TryGetValue((draft.Sender, draft.Emoji), out ReactionState last) ? last : null;
            return RoomRules.React(
                draft, room, sender, message?.State, mine, message?.Emoji.ContainsKey(draft.Emoji) ?? false, message?.Emoji.Count ?? 0, now);
        }
    }
}
