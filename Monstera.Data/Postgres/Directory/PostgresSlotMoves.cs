using Monstera.Data.Postgres.Slots;

namespace Monstera.Data.Postgres.Directory;

/// <summary>A move of slots to another shard, as far as it has come.</summary>
/// <param name="Soak">For how long the way back is kept open after the hand-over. Whole seconds.</param>
/// <param name="UpdatedAt">When the present step began.</param>
public sealed record SlotMove(
    Guid Id, IReadOnlyList<short> Slots, short From, short To, SlotMoveStep Step, TimeSpan Soak, DateTimeOffset StartedAt, DateTimeOffset UpdatedAt);

/// <summary>
/// The journal of slot moves: all that a mover knows is here, so that another one can go on where it was killed. Slots that are in an unfinished move are in no other.
/// </summary>
public sealed class PostgresSlotMoves(PostgresDatabase database)
{
    // One statement each: it happens as a whole.
    private const string InsertMove =
        """
        WITH move AS (
            INSERT INTO directory.slot_move (id, slots, from_shard, to_shard, step, soak_seconds, started_at, updated_at) VALUES ($1, $2, $3, $4, 0, $6, $5, $5) RETURNING id, slots)
        INSERT INTO directory.slot_move_slot (slot, move) SELECT unnest(slots), id FROM move
        """;

    private const string UpdateStep = "UPDATE directory.slot_move SET step = $3, updated_at = $4 WHERE id = $1 AND step = $2";

    private const string FinishMove =
        """
        WITH finished AS (UPDATE directory.slot_move SET step = $3, updated_at = $4 WHERE id = $1 AND step = $2 RETURNING id)
        DELETE FROM directory.slot_move_slot WHERE move IN (SELECT id FROM finished)
        """;

    private const string ReadUnfinished =
        """
        SELECT id, slots, from_shard, to_shard, step, soak_seconds, started_at, updated_at FROM directory.slot_move m
        WHERE EXISTS (SELECT FROM directory.slot_move_slot s WHERE s.move = m.id) ORDER BY started_at, id
        """;

    private readonly DirectoryDatabase _database = new(database);

    /// <returns>Null when one of the slots is in another move that is not finished.</returns>
    public async Task<SlotMove?> TryBegin(IReadOnlyCollection<short> slots, short from, short to, TimeSpan soak, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(slots);
        short[] distinct = [.. slots.Distinct().Order()];
        ArgumentOutOfRangeException.ThrowIfZero(distinct.Length, nameof(slots));
        DateTimeOffset at = PostgresTime.Of(now);
        var move = new SlotMove(Guid.CreateVersion7(now), distinct, from, to, SlotMoveStep.Copying, soak, at, at);
        try
        {
            await _database.BatchOnce(batch => batch.Add(InsertMove, move.Id, distinct, from, to, at, (int)soak.TotalSeconds).Run(cancel));
            return move;
        }
        catch (Npgsql.PostgresException e) when (e.ConstraintName == "slot_move_slot_pkey")
        {
            return null;
        }
    }

    /// <returns>False when the move does not stand at <paramref name="from"/> (any more): somebody else goes on with it.</returns>
    public async Task<bool> TryAdvance(Guid move, SlotMoveStep from, SlotMoveStep to, DateTimeOffset now, CancellationToken cancel) =>
        await _database.BatchOnce(batch => batch.Add(UpdateStep, move, (short)from, (short)to, PostgresTime.Of(now)).Run(cancel)) > 0;

    /// <summary>The last step: the slots are free to be moved again.</summary>
    /// <returns>As <see cref="TryAdvance"/>.</returns>
    public async Task<bool> TryFinish(Guid move, SlotMoveStep from, SlotMoveStep to, DateTimeOffset now, CancellationToken cancel) =>
        await _database.BatchOnce(batch => batch.Add(FinishMove, move, (short)from, (short)to, PostgresTime.Of(now)).Run(cancel)) > 0;

    /// <summary>Those that are not finished, in the order of their beginning.</summary>
    public Task<List<SlotMove>> ReadOpen(CancellationToken cancel) =>
        _database.Batch(batch => batch.Add(ReadUnfinished).Read(
            row => new SlotMove(
                row.GetGuid(0), row.GetFieldValue<short[]>(1), row.GetInt16(2), row.GetInt16(3), (SlotMoveStep)row.GetInt16(4),
                TimeSpan.FromSeconds(row.GetInt32(5)), row.Time(6), row.Time(7)),
            cancel));
}
