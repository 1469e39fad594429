using System.Globalization;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres;

/// <summary>
/// The rooms in a PostgreSQL database, which other servers write at the same time. The schema is in <c>Migrations/Rooms/0001_rooms.sql</c>, and why all is as it is, in
/// docs/storage.md and docs/decisions/0004-postgresql.md.
/// </summary>
public sealed partial class PostgresRoomStore : IRoomStore
{
    /// <summary>Of <see cref="PostgresParts.Rooms"/>.</summary>
    internal static readonly PostgresSchema Schema = PostgresSchema.Load("rooms");

    // One statement's snapshot is one instant; with several, the first one's.
    internal const string BeginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

    private readonly PostgresDatabase _database;
    private readonly string _settings;
    private readonly string _settingsAndOwner;
    private readonly Func<short, long> _epochOf;
    private readonly PostgresIdentity? _standbyOf;

    /// <param name="database">Opened with <see cref="PostgresParts.Rooms"/>; stays the caller's.</param>
    /// <param name="epochOf">The epoch at which this database is believed to own a slot. Null: it owns them all, as it was made.</param>
    public PostgresRoomStore(PostgresDatabase database, Func<short, long>? epochOf = null)
        : this(database, epochOf, standbyOf: null)
    {
    }

    /// <param name="standbyOf">Set, every read makes sure that it reads a standby of this database, and is <see cref="StorageUnavailableException"/> otherwise.</param>
    internal PostgresRoomStore(PostgresDatabase database, Func<short, long>? epochOf, PostgresIdentity? standbyOf)
    {
        ArgumentNullException.ThrowIfNull(database);
        _database = database;
        _epochOf = epochOf ?? (_ => 1);
        _settings = "SELECT " + Settings(database.Options);
        _settingsAndOwner = "SELECT EXISTS (SELECT FROM rooms.slot_owner o WHERE o.slot = $2 AND o.epoch = $3 AND o.state = 1), " + Settings(database.Options);
        _standbyOf = standbyOf;
        Outboxes = [this];
    }

    /// <inheritdoc/>
    public int Partitions => 1;

    /// <inheritdoc/>
    public IReadOnlyList<IMembershipOutbox> Outboxes { get; }

    /// <inheritdoc/>
    public int PartitionOf(RoomId room) => 0;

    /// <summary>
    /// Sets, for this transaction only, whose rows are to be seen ($1) and how long is waited. And how statements are planned: all are walks along indexes from a few given ids,
    /// whatever the statistics say, which for a table that fills up quickly are those of an empty one.
    /// </summary>
    internal static string Settings(PostgresOptions options)
    {
        (string Name, string Value)[] settings =
        [
            ("statement_timeout", Milliseconds(options.StatementTimeout)),
            ("lock_timeout", Milliseconds(options.LockTimeout)),
            ("idle_in_transaction_session_timeout", Milliseconds(options.IdleInTransactionTimeout)),
            ("synchronous_commit", "on"),
            ("enable_seqscan", "off"), ("enable_bitmapscan", "off"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off"), ("enable_sort", "off"), ("jit", "off"),
            ("plan_cache_mode", options.Pooler ? "auto" : "force_generic_plan"),
        ];
        return "set_config('monstera.tenants', $1, true), "
            + string.Join(", ", settings.Select(s => $"set_config('{s.Name}', '{s.Value}', true)"));
    }

    private static string Milliseconds(TimeSpan time) => ((long)time.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);

    internal static NpgsqlParameter TenantSetting(IEnumerable<TenantId> tenants) => Sql.Of($"{{{string.Join(',', tenants)}}}");

    /// <summary>
    /// One round trip, at one instant: that of the first statement, which also looks whether the room's slot is owned here. A look of its own would cost as much as the settings.
    /// </summary>
    /// <param name="ask">Adds the queries, and gives back what tells what their rows came to. Called again when it is tried again: it starts anew.</param>
    /// <exception cref="RoomMovedException">It is not.</exception>
    private ValueTask<T> ReadRoom<T>(TenantId tenant, RoomId room, Func<PostgresBatch, Func<T>> ask, CancellationToken cancel)
    {
        short slot = Slot.Of(room);
        return InTransaction<T>(
            batch =>
            {
                bool owned = false;
                batch.Do(BeginRead).Read(_settingsAndOwner, row => owned = row.GetBoolean(0), TenantSetting([tenant]), Sql.Of(slot), Sql.Of(_epochOf(slot)));
                Func<T> result = ask(batch);
                return () => owned ? result() : throw new RoomMovedException([slot]);
            },
            cancel);
    }

    /// <summary>The same for many rooms, all of whose slots must be owned here.</summary>
    private ValueTask<T> ReadRooms<T>(TenantId tenant, IEnumerable<RoomId> rooms, Func<PostgresBatch, Func<T>> ask, CancellationToken cancel)
    {
        short[] slots = [.. rooms.Select(Slot.Of).Distinct()];
        return InTransaction<T>(
            batch =>
            {
                HashSet<short> moved = [];
                batch.Do(BeginRead).Skip(_settings, TenantSetting([tenant]))
                    .Read(CheckSlots, row => moved.Add(row.GetInt16(0)), Sql.Of(slots), Sql.Of([.. slots.Select(_epochOf)]));
                Func<T> result = ask(batch);
                return () => moved.Count == 0 ? result() : throw new RoomMovedException(moved);
            },
            cancel);
    }

    /// <summary>The same for what is of no certain rooms.</summary>
    private ValueTask<T> ReadAny<T>(IReadOnlyList<TenantId> tenants, Func<PostgresBatch, Func<T>> ask, CancellationToken cancel) => InTransaction<T>(
        batch =>
        {
            batch.Do(BeginRead).Skip(_settings, TenantSetting(tenants));
            return ask(batch);
        },
        cancel);

    /// <summary>A connection that was lost while it lay idle is no reason to fail: all that comes here may be done twice.</summary>
    /// <param name="ask">Begins the transaction too.</param>
    private async ValueTask<T> InTransaction<T>(Func<PostgresBatch, Func<T>> ask, CancellationToken cancel)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await using NpgsqlConnection connection = await _database.Source.OpenConnectionAsync(cancel);
                using var batch = new PostgresBatch(connection);
                Func<T> result = ask(batch);
                bool isStandby = true;
                _standbyOf?.AskWhetherStandby(batch, answer => isStandby = answer);
                batch.Do("COMMIT");
                await RunOrRollBack(connection, batch, cancel);
                PostgresIdentity.RefuseUnless(isStandby);
                return result();
            }
            catch (Exception e) when (attempt == 1 && PostgresFailure.IsConnectionLost(e))
            {
                // Once more, on a fresh connection: the others of the pool have most likely died with this one.
                _database.Source.Clear();
            }
            catch (Exception e) when (PostgresFailure.IsFault(e))
            {
                throw PostgresFailure.Of(e)!;
            }
        }
    }

    /// <summary>A transaction that failed is ended before the connection goes back, so that its locks are free and the next one finds it idle.</summary>
    internal static async ValueTask RunOrRollBack(NpgsqlConnection connection, PostgresBatch batch, CancellationToken cancel)
    {
        try
        {
            await batch.Run(cancel);
        }
        catch
        {
            await RollBack(connection);
            throw;
        }
    }

    internal static async ValueTask RollBack(NpgsqlConnection connection)
    {
        if (connection.State != System.Data.ConnectionState.Open)
        {
            return;
        }

        try
        {
            using var rollback = new NpgsqlCommand("ROLLBACK", connection);
            await rollback.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (Exception e) when (PostgresFailure.IsFault(e))
        {
            // Gone, and its transaction with it.
        }
    }
}
