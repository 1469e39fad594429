using Monstera.Data.Archive;
using Monstera.Data.Postgres.Directory;
using Npgsql;

namespace Monstera.Data.Postgres.Slots;

/// <summary>
/// Gives a group of slots from one shard to another. What is to be done is read from the two shards each time, and the greatest epoch of a slot is right; so that it can be begun again
/// wherever it was interrupted, in either direction, and never makes two owners:
/// 1. the giver says at the next epoch that the slot is not its own, when nobody writes and the copy is whole (<see cref="TryFreeze"/>); 2. the taker says at that epoch that it is;
/// 3. the map follows.
/// </summary>
internal sealed class SlotHandOver(
    SlotShard giver, SlotShard taker, PostgresShardMap map, PostgresOperation operation, SlotMoverOptions options, TimeProvider time, Func<SlotMovePoint, ValueTask> reached)
{
    private const int RoundsMax = 100;
    private const int RestEventsMax = 5_000;

    private enum Stage
    {
        /// <summary>The giver has it.</summary>
        Owned,

        /// <summary>The giver has given it away, and nobody has taken it.</summary>
        Given,

        /// <summary>The taker itself had given it away, to the giver, who never took it.</summary>
        Untaken,

        /// <summary>The taker has it.</summary>
        Taken,
    }

    /// <summary>The longest time for which slots could not be written.</summary>
    public TimeSpan LongestPause { get; private set; }

    private long _pauseBegan;

    /// <summary>
    /// Finishes what was begun: slots that were given away get an owner, and the map says who. Quick, never cancelled, and first of all, for until then nobody can write them.
    /// </summary>
    /// <inheritdoc cref="Run" path="/exception"/>
    public async Task Settle(IReadOnlyList<short> slots, RoomCopier copier)
    {
        for (int round = 0; round <= RoundsMax; round++)
        {
            ILookup<Stage, (short Slot, long Epoch)> stages = await Look(slots);
            if (stages.Contains(Stage.Untaken))
            {
                await operation.EnsureHeld(CancellationToken.None);
                await giver.TryGiveAwayUntaken([.. stages[Stage.Untaken].Select(slot => (slot.Slot, slot.Epoch + 1))]);
            }
            else if (stages.Contains(Stage.Given))
            {
                // Whoever froze them compared heads; a second look costs little where nobody knows what happened in between.
                while (!(await copier.CatchUp([.. stages[Stage.Given].Select(slot => slot.Slot)], CancellationToken.None)).WereEqual)
                {
                }

                await Take([.. stages[Stage.Given]]);
            }
            else
            {
                await FollowInMap(taker, giver, [.. stages[Stage.Taken]]);
                await FollowInMap(giver, taker, [.. stages[Stage.Owned]]);
                return;
            }
        }

        throw Contested();
    }

    /// <summary>Until the taker has all slots and the map says so. What has not begun is cancelled; what has is finished.</summary>
    /// <param name="prepare">Copies and compares what these slots have, and gives back rooms that were too busy to be compared at rest.</param>
    /// <exception cref="SlotMoveStoppedException">Writers or the databases do not let it happen now.</exception>
    /// <exception cref="ArchiveConflictException">A room differs from its copy, or the shards say what cannot be.</exception>
    public async Task Run(
        IReadOnlyList<short> slots, RoomCopier copier, SlotVerifier verifier, Func<IReadOnlyList<short>, Task<IReadOnlyCollection<ArchivedRoom>>> prepare, CancellationToken cancel)
    {
        await Settle(slots, copier);
        short[] own = [.. (await Look(slots))[Stage.Owned].Select(slot => slot.Slot)];
        if (own.Length == 0)
        {
            return;
        }

        IReadOnlyCollection<ArchivedRoom> busy = await prepare(own);
        for (int attempt = 1; ; attempt++)
        {
            cancel.ThrowIfCancellationRequested();
            if (await TryFreeze(own, copier, verifier, busy, cancel))
            {
                break;
            }

            if (attempt >= options.FreezeAttemptsMax)
            {
                throw new SlotMoveStoppedException(
                    $"Slots of {giver} could not be frozen within {options.FreezeMax.TotalSeconds:0.0} s in {attempt} attempts: too much is written, or somebody holds a transaction open. "
                    + "They are served as before. Go on when there is less to do.");
            }

            await Task.Delay(options.FreezePause, time, cancel);
            await copier.CatchUp(own, cancel);
        }

        // From here to the map nothing is cancelled, and nothing waits but for the databases.
        ILookup<Stage, (short Slot, long Epoch)> stages = await Look(own);
        if (stages.Contains(Stage.Given))
        {
            await Take([.. stages[Stage.Given]]);
        }

        await FollowInMap(taker, giver, [.. (await Look(own))[Stage.Taken]]);
        TimeSpan pause = time.GetElapsedTime(_pauseBegan);
        LongestPause = pause > LongestPause ? pause : LongestPause;
        await Settle(slots, copier);
    }

    private static SlotMoveStoppedException Contested() => new("Slots keep changing in the shards and in the map: somebody else changes them, without the lock of commands.");

    private async Task Take((short Slot, long Epoch)[] given)
    {
        await operation.EnsureHeld(CancellationToken.None);
        await taker.TryTake(given);
        await reached(SlotMovePoint.Activated);
    }

    /// <summary>Where each slot stands between the two.</summary>
    private async Task<ILookup<Stage, (short Slot, long Epoch)>> Look(IReadOnlyList<short> slots)
    {
        IReadOnlyDictionary<short, SlotFence> gives = await giver.ReadFences(slots, CancellationToken.None);
        IReadOnlyDictionary<short, SlotFence> takes = await taker.ReadFences(slots, CancellationToken.None);
        return slots.Select(slot =>
        {
            SlotFence? give = gives.TryGetValue(slot, out SlotFence g) ? g : null;
            SlotFence? take = takes.TryGetValue(slot, out SlotFence t) ? t : null;
            (long given, long taken) = (give?.Epoch ?? 0, take?.Epoch ?? 0);
            (Stage Stage, short Slot, long Epoch) stage = (give?.Owned ?? false, take?.Owned ?? false) switch
            {
                (false, true) when taken >= given => (Stage.Taken, slot, taken),
                (true, false) when given >= taken => (Stage.Owned, slot, given),
                (false, false) when given > taken => (Stage.Given, slot, given),
                (false, false) when taken > given => (Stage.Untaken, slot, taken),
                _ => throw new ArchiveConflictException(
                    $"Slot {slot}: {giver} says {Say(give)}, {taker} says {Say(take)}. This cannot come from a move; nothing was changed. Has one of them been restored from a backup?"),
            };
            return stage;
        }).ToLookup(slot => slot.Stage, slot => (slot.Slot, slot.Epoch));
    }

    private static string Say(SlotFence? fence) => fence is { } f ? $"{(f.Owned ? "owned" : "given away")} at epoch {f.Epoch}" : "nothing";

    /// <summary>
    /// In one transaction, which ends with this process: 1. takes the slots' locks alone, so that whoever was writing has finished and nobody begins; 2. copies what is missing and compares
    /// heads; 3. gives the slots away. Writers are refused from 1 on, so all of it must be quick: otherwise it is rolled back, and they go on.
    /// </summary>
    /// <returns>False: not this time.</returns>
    private async Task<bool> TryFreeze(
        short[] slots, RoomCopier copier, SlotVerifier verifier, IReadOnlyCollection<ArchivedRoom> busy, CancellationToken cancel)
    {
        await operation.EnsureHeld(cancel);
        await using NpgsqlConnection connection = await PostgresFailure.Translate(() => giver.Database.Source.OpenConnectionAsync(cancel).AsTask());
        long began = time.GetTimestamp();
        using CancellationTokenSource tooLong = new(options.FreezeMax, time);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancel, tooLong.Token);
        bool sent = false;
        try
        {
            // 1.
            using (var locks = new PostgresBatch(connection))
            {
                locks.Do("BEGIN").Skip(FreezeSettings(), Sql.Of(Milliseconds(options.LockTimeout)), Sql.Of(Milliseconds(options.FreezeMax)), Sql.Of(Milliseconds(options.FreezeMax * 2)))
                    .Skip(SlotShard.LockSlots, Sql.Of(PostgresLocks.Slot), Sql.Of([.. slots.Select(slot => (int)slot)]));
                await locks.Run(stop.Token);
            }

            await reached(SlotMovePoint.Locked);

            // 2.
            for (bool equal = false; !equal;)
            {
                equal = (await copier.CatchUp(slots, stop.Token)).WereEqual;
                await reached(SlotMovePoint.TailCopied);
            }

            if (busy.Sum(room => room.Head) <= RestEventsMax)
            {
                await verifier.VerifyAtRest(busy, stop.Token);
            }

            // 3.
            await using (var give = new NpgsqlCommand(SlotShard.GiveAway, connection))
            {
                give.Parameters.Add(Sql.Of(slots));
                if (await give.ExecuteNonQueryAsync(stop.Token) < slots.Length)
                {
                    return false;
                }
            }

            stop.Token.ThrowIfCancellationRequested();
            sent = true;
            await using var commit = new NpgsqlCommand("COMMIT", connection);
            await commit.ExecuteNonQueryAsync(CancellationToken.None);
            _pauseBegan = began;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return false;
        }
        catch (PostgresException e) when (PostgresFailure.HasIdledTooLong(e)
            || (!sent && e.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.DeadlockDetected))
        {
            return false;
        }
        catch (Exception e) when (PostgresFailure.IsFault(e))
        {
            throw PostgresFailure.Of(e)!;
        }
        finally
        {
            if (_pauseBegan != began)
            {
                await RollBack(connection);
            }
        }

        await reached(SlotMovePoint.Frozen);
        return true;
    }

    private static string FreezeSettings() =>
        "SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true), set_config('idle_in_transaction_session_timeout', $3, true), "
        + "set_config('synchronous_commit', 'on', true)";

    private static string Milliseconds(TimeSpan span) => ((long)span.TotalMilliseconds).ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static async Task RollBack(NpgsqlConnection connection)
    {
        try
        {
            await using var rollback = new NpgsqlCommand("ROLLBACK", connection);
            await rollback.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is InvalidOperationException || PostgresFailure.HasIdledTooLong(e) || PostgresFailure.IsFault(e))
        {
            // The session has ended, and its locks with it.
        }
    }

    /// <summary>
    /// The map names the owner at its epoch. It is at most two changes behind: a slot that was given away and came back goes there and back in the map too. A map that somebody else changed
    /// meanwhile is read again; the change itself looks whose the slots are.
    /// </summary>
    private async Task FollowInMap(SlotShard owner, SlotShard other, IReadOnlyList<(short Slot, long Epoch)> owned)
    {
        for (int round = 0; round <= RoundsMax && owned.Count > 0; round++)
        {
            SlotMap now = await map.Read(CancellationToken.None);
            List<short> toOwner = [], toOther = [];
            foreach ((short slot, long epoch) in owned)
            {
                SlotOwner named = now.Slots[slot];
                switch (epoch - named.Epoch)
                {
                    case 0 when named.Shard == owner.Id:
                        break;
                    case 1 when named.Shard == other.Id:
                        toOwner.Add(slot);
                        break;
                    case 2 when named.Shard == owner.Id:
                        toOther.Add(slot);
                        break;
                    default:
                        throw new ArchiveConflictException(
                            $"Slot {slot}: the map names shard {named.Shard} at epoch {named.Epoch}, but {owner} owns it at epoch {epoch}. Has the directory been restored from a backup?");
                }
            }

            if (toOwner.Count + toOther.Count == 0)
            {
                return;
            }

            await operation.EnsureHeld(CancellationToken.None);
            SlotMapChange change = toOther.Count > 0
                ? await map.TryChange(toOther, owner.Id, other.Id, now.Version, CancellationToken.None)
                : await map.TryChange(toOwner, other.Id, owner.Id, now.Version, CancellationToken.None);
            if (change == SlotMapChange.Changed)
            {
                await reached(SlotMovePoint.MapChanged);
            }
        }

        if (owned.Count > 0)
        {
            throw Contested();
        }
    }
}
