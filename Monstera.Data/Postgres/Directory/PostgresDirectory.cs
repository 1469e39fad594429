using Microsoft.EntityFrameworkCore;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;

namespace Monstera.Data.Postgres.Directory;

/// <summary>
/// The directory in PostgreSQL. The schema is in <c>Directory/Migrations</c>. Any number of servers may use one database at once: what must happen once is decided by one
/// statement of the database, never by reading first.
/// </summary>
/// <remarks>
/// Ordinary queries are EF's; statements that decide something, and those asked at every request or message, are written out (<see cref="DirectoryBatch"/>).
/// </remarks>
public sealed partial class PostgresDirectory : IDirectory
{
    // The look-up without a tenant: the row with this key is shown, whoever it is.
    private const string TenantKey = "monstera.tenant_key";

    private const string FindTenantByKey = "SELECT id, key, name, set_up, default_room FROM directory.tenant WHERE key = $1";

    private const string InsertTenant = "INSERT INTO directory.tenant (id, key, name, set_up) VALUES ($1, $2, $2, false) ON CONFLICT (key) DO NOTHING";

    // One statement, so that a name that is taken leaves the tenant as it was. Of two at once the second waits for the first, and then finds it set up.
    private const string SetUpTenant =
        """
        WITH claimed AS (UPDATE directory.tenant SET name = $8, set_up = true WHERE id = $1 AND NOT set_up RETURNING id)
        INSERT INTO directory.account (tenant, id, user_name, display_name, display_folded, role, created_at, password_hash)
        SELECT id, $2, $3, $4, $5, $6, $7, $9::text FROM claimed
        """;

    private readonly DirectoryDatabase _database;

    public PostgresDirectory(PostgresDatabase database)
    {
        ArgumentNullException.ThrowIfNull(database);
        _database = new DirectoryDatabase(database);
    }

    internal static PostgresSchema Schema { get; } = PostgresSchema.Load("directory");

    /// <inheritdoc/>
    public async ValueTask<Tenant> EnsureTenant(string key, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(key);

        // There already, nearly always.
        List<Tenant> known = await _database.Batch(batch => batch.Set(TenantKey, key).Add(FindTenantByKey, key).Read(ReadTenant, cancel));
        if (known is [Tenant tenant])
        {
            return tenant;
        }

        var id = TenantId.New(now);
        return (await _database.Batch(batch =>
            batch.See(id).Set(TenantKey, key).Add(InsertTenant, id.Value, key).Add(FindTenantByKey, key).Read(ReadTenant, cancel)))[0];
    }

    /// <inheritdoc/>
    public async ValueTask<Tenant?> FindTenant(TenantId tenant, CancellationToken cancel) =>
        await _database.Query(
            tenant,
            directory => directory.Tenants.Where(row => row.Id == tenant)
                .Select(row => new Tenant(row.Id, row.Key, row.Name, row.SetUp, row.DefaultRoom)).SingleOrDefaultAsync(cancel));

    /// <inheritdoc/>
    public async ValueTask<CreateUserResult> SetUp(string name, NewUser owner, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(owner);
        User made = Make(owner, now);
        int? rows = await InsertUnlessTaken(
            owner.Tenant,
            SetUpTenant,
            [made.Tenant.Value, made.Id.Value, made.UserName, made.DisplayName, FoldedText.Of(made.DisplayName), (short)made.Role, made.CreatedAt, name, Nullable(owner.PasswordHash)],
            cancel);
        if (rows == 0 && await FindTenant(owner.Tenant, cancel) is null)
        {
            throw new ArgumentException("No such tenant.", nameof(owner));
        }

        return rows switch
        {
            null => new CreateUserResult(CreateUserStatus.NameTaken, null),
            0 => new CreateUserResult(CreateUserStatus.AlreadySetUp, null),
            _ => new CreateUserResult(CreateUserStatus.Created, made),
        };
    }

    /// <inheritdoc/>
    public async ValueTask SetDefaultRoom(TenantId tenant, RoomId room, CancellationToken cancel) =>
        await _database.Change(
            tenant,
            directory => directory.Tenants.Where(row => row.Id == tenant).ExecuteUpdateAsync(set => set.SetProperty(row => row.DefaultRoom, (RoomId?)room), cancel));

    /// <inheritdoc/>
    public async ValueTask ProveWritable(CancellationToken cancel) =>
        await _database.Batch(batch => batch.Add("UPDATE directory.heartbeat SET beats = beats + 1 WHERE id = 1").Run(cancel));

    private static Tenant ReadTenant(NpgsqlDataReader row) =>
        new(
            new TenantId(row.GetGuid(0)), row.GetString(1), row.GetString(2), row.GetBoolean(3), row.Id(4) is { } room ? new RoomId(room) : null);

    private static object Nullable(string? text) => text is null ? DBNull.Value : text;

    private static void CheckLimit(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, RoomLimits.PageMax);
    }
}
