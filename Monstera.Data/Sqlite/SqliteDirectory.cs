using Monstera.Data.Directory;
using Monstera.Data.Ids;

namespace Monstera.Data.Sqlite;

/// <summary>The directory in an SQLite file. The schema is in <c>Migrations/0002_directory.sql</c>.</summary>
public sealed partial class SqliteDirectory : IDirectory
{
    private static readonly SqliteQuery FindTenantByKey = new("SELECT id, key, name, set_up, default_room FROM tenant WHERE key = ?");
    private static readonly SqliteQuery FindTenantById = new("SELECT id, key, name, set_up, default_room FROM tenant WHERE id = ?");
    private static readonly SqliteQuery InsertTenant = new("INSERT INTO tenant (id, key, name, set_up) VALUES (?, ?, ?, 0)");
    private static readonly SqliteQuery SetUpTenant = new("UPDATE tenant SET name = ?, set_up = 1 WHERE id = ?");
    private static readonly SqliteQuery UpdateDefaultRoom = new("UPDATE tenant SET default_room = ? WHERE id = ?");
    private static readonly SqliteQuery Beat = new("UPDATE heartbeat SET beats = beats + 1");

    private readonly SqliteDatabase _database;

    public SqliteDirectory(SqliteDatabase database)
    {
        ArgumentNullException.ThrowIfNull(database);
        _database = database;
    }

    /// <inheritdoc/>
    public async ValueTask<Tenant> EnsureTenant(string key, DateTimeOffset now, CancellationToken cancel)
    {
        // There already, nearly always: look before taking the writer's turn.
        return await _database.Read(connection => TenantOf(connection, key), cancel)
            ?? await _database.Write(
                connection =>
                {
                    if (TenantOf(connection, key) is { } known)
                    {
                        return known;
                    }

                    var tenant = new Tenant(TenantId.New(now), key, key, SetUp: false, DefaultRoom: null);
                    connection.Prepare(InsertTenant).Bind(1, tenant.Id.Value).Bind(2, key).Bind(3, tenant.Name).Run();
                    return tenant;
                },
                cancel);
    }

    /// <inheritdoc/>
    public ValueTask<Tenant?> FindTenant(TenantId tenant, CancellationToken cancel) =>
        _database.Read(connection => TenantOf(connection, tenant), cancel);

    /// <inheritdoc/>
    public ValueTask<CreateUserResult> SetUp(string name, NewUser owner, DateTimeOffset now, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(owner);
        return _database.Write(
            connection =>
            {
                Tenant tenant = TenantOf(connection, owner.Tenant) ?? throw new ArgumentException("No such tenant.", nameof(owner));
                if (tenant.SetUp)
                {
                    return new CreateUserResult(CreateUserStatus.AlreadySetUp, null);
                }

                if (IsNameTaken(connection, owner.Tenant, owner.UserName))
                {
                    return new CreateUserResult(CreateUserStatus.NameTaken, null);
                }

                connection.Prepare(SetUpTenant).Bind(1, name).Bind(2, tenant.Id.Value).Run();
                return new CreateUserResult(CreateUserStatus.Created, Insert(connection, owner, subject: null, now));
            },
            cancel);
    }

    /// <inheritdoc/>
    public async ValueTask SetDefaultRoom(TenantId tenant, RoomId room, CancellationToken cancel) =>
        await _database.Write(connection => connection.Prepare(UpdateDefaultRoom).Bind(1, room.Value).Bind(2, tenant.Value).Run(), cancel);

    /// <inheritdoc/>
    public async ValueTask ProveWritable(CancellationToken cancel) =>
        await _database.Write(connection => connection.Prepare(Beat).Run(), cancel);

    private static Tenant? TenantOf(SqliteConnection connection, string key)
    {
        using SqliteStatement row = connection.Prepare(FindTenantByKey).Bind(1, key);
        return ReadTenant(row);
    }

    private static Tenant? TenantOf(SqliteConnection connection, TenantId tenant)
    {
        using SqliteStatement row = connection.Prepare(FindTenantById).Bind(1, tenant.Value);
        return ReadTenant(row);
    }

    private static Tenant? ReadTenant(SqliteStatement row) =>
        row.Step()
            ? new Tenant(
                new TenantId(row.Guid(0)), row.Text(1), row.Text(2), row.Bool(3), row.GuidOrNull(4) is { } room ? new RoomId(room) : null)
            : null;
}
