using Microsoft.EntityFrameworkCore;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Npgsql;

namespace Monstera.Tests.Data.Postgres;

/// <summary>The second wall between tenants: what a query that forgets the tenant, or is not ours at all, gets from the database.</summary>
public sealed class PostgresDirectoryWallTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 10, 2, 3, 456, TimeSpan.Zero);
    private static readonly string[] OwnedTables = ["tenant", "account", "session", "invite", "user_room"];

    private readonly PostgresDirectoryStorage _storage = new();
    private TenantId _mine;
    private TenantId _theirs;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _mine = await Fill("mine", 1);
        _theirs = await Fill("theirs", 2);
    }

    public ValueTask DisposeAsync()
    {
        _storage.Dispose();
        return ValueTask.CompletedTask;
    }

    private static byte[] Token(byte n) => [.. Enumerable.Repeat(n, 32)];

    /// <summary>One row in every table that belongs to a tenant.</summary>
    private async Task<TenantId> Fill(string key, byte n)
    {
        IDirectory directory = _storage.Directory;
        TenantId tenant = (await directory.EnsureTenant(key, Now, Cancel)).Id;
        User user = (await directory.CreateUser(new NewUser(tenant, "ann", "Ann", "hash", WorkspaceRole.Member), null, Now, Cancel)).User!;
        await directory.CreateSession(new Session(tenant, SessionId.New(Now), user.Id, Now, Now, Now.AddDays(1), "client"), Token(n), Cancel);
        await directory.CreateInvite(new Invite(tenant, InviteId.New(Now), "code", user.Id, Now, Now.AddDays(1), 1), Cancel);
        await directory.ApplyMemberships([new(1, tenant, user.Id, RoomId.New(Now), 1, true, Now)], Cancel);
        return tenant;
    }

    private Task<UnfinishedTransaction> As(string tenants) => _storage.Begin(tenants, "SELECT 1");

    private static string TenantColumn(string table) => table == "tenant" ? "id" : "tenant";

    [Fact]
    public async Task Sql_that_forgets_the_tenant_sees_nothing_of_another()
    {
        await using UnfinishedTransaction sql = await As(_mine.ToString());
        foreach (string table in OwnedTables)
        {
            Assert.Equal(1L, await sql.Scalar($"SELECT count(*) FROM directory.{table}"));
            Assert.Equal(_mine.Value, await sql.Scalar($"SELECT {TenantColumn(table)} FROM directory.{table}"));
            Assert.Equal(0L, await sql.Scalar($"SELECT count(*) FROM directory.{table} WHERE {TenantColumn(table)} = $1 OR true AND {TenantColumn(table)} <> $2", _theirs.Value, _mine.Value));
        }

        Assert.Equal(0L, await sql.Scalar("SELECT count(*) FROM directory.account a JOIN directory.account b ON a.tenant <> b.tenant"));
        Assert.Equal(0L, await sql.Scalar("SELECT count(*) FROM directory.session WHERE token_hash = $1", Token(2)));
        Assert.Equal(0L, await sql.Scalar("SELECT count(*) FROM directory.tenant WHERE key = 'theirs'"));
    }

    [Fact]
    public async Task Sql_that_forgets_the_tenant_changes_nothing_of_another()
    {
        await using UnfinishedTransaction sql = await As(_mine.ToString());
        Assert.Equal(1, await sql.Run("UPDATE directory.tenant SET name = 'changed'"));
        Assert.Equal(1, await sql.Run("UPDATE directory.account SET password_hash = 'changed'"));
        Assert.Equal(1, await sql.Run("UPDATE directory.session SET expires_at = 'infinity'"));
        Assert.Equal(1, await sql.Run("UPDATE directory.invite SET uses_left = 99"));
        Assert.Equal(1, await sql.Run("UPDATE directory.user_room SET read_seq = 99"));
        Assert.Equal(1, await sql.Run("DELETE FROM directory.session"));
        Assert.Equal(1, await sql.Run("DELETE FROM directory.invite"));
        await sql.Commit();
        Assert.Equal("hash", (await _storage.Directory.FindCredentials(_theirs, "ann", Cancel))!.PasswordHash);
        Assert.NotNull(await _storage.Directory.FindSession(Token(2), Now, Cancel));
        Assert.Equal(1, (await _storage.Directory.FindInvite(_theirs, "code", Now, Cancel))!.UsesLeft);
        Assert.Null(await _storage.Directory.FindSession(Token(1), Now, Cancel));
    }

    [Theory]
    [InlineData("INSERT INTO directory.tenant (id, key, name, set_up) VALUES ($1, 'x', 'x', true)")]
    [InlineData("INSERT INTO directory.account (tenant, id, user_name, display_name, display_folded, role, created_at) VALUES ($1, gen_random_uuid(), 'x', 'x', 'x', 3, now())")]
    [InlineData("INSERT INTO directory.invite (tenant, id, code, created_by, created_at, expires_at, uses_left) VALUES ($1, gen_random_uuid(), 'x', $1, now(), 'infinity', 9)")]
    [InlineData("INSERT INTO directory.user_room (tenant, user_id, room, seq, member, joined_at, read_seq) VALUES ($1, $1, $1, 1, true, now(), 0)")]
    [InlineData("INSERT INTO directory.session SELECT $1, gen_random_uuid(), user_id, sha256('x'), created_at, last_seen_at, expires_at, client FROM directory.session")]
    [InlineData("UPDATE directory.account SET tenant = $1")]
    [InlineData("UPDATE directory.account SET role = 3 WHERE tenant <> $1")]
    [InlineData("DELETE FROM directory.account WHERE tenant <> $1")]
    [InlineData("DELETE FROM directory.user_room WHERE tenant <> $1")]
    [InlineData("SELECT directory.grant_app('monstera_app') WHERE $1 IS NOT NULL")]
    [InlineData("CREATE TABLE directory.theirs AS SELECT $1 AS id")]
    public async Task The_role_that_serves_may_not(string statement)
    {
        await using UnfinishedTransaction sql = await As(_mine.ToString());
        PostgresException e = await Assert.ThrowsAsync<PostgresException>(() => sql.Run(statement, _theirs.Value));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, e.SqlState);
    }

    [Theory]
    [InlineData("ALTER TABLE directory.account DISABLE ROW LEVEL SECURITY")]
    [InlineData("DROP POLICY tenants ON directory.account")]
    [InlineData("TRUNCATE directory.account")]
    [InlineData("ALTER TABLE directory.account OWNER TO monstera_app")]
    [InlineData("SET ROLE monstera_owner")]
    public async Task The_role_that_serves_cannot_take_the_wall_down(string statement)
    {
        await using UnfinishedTransaction sql = await As(_mine.ToString());
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, (await Assert.ThrowsAsync<PostgresException>(() => sql.Run(statement))).SqlState);
    }

    /// <summary>The owner too: what migrates, or a person at a console, sees no tenant by accident. (Exceptions: what expires, and which tenants there are.)</summary>
    [Fact]
    public async Task Who_names_no_tenant_sees_nothing()
    {
        await using UnfinishedTransaction sql = await As("");
        foreach (string table in OwnedTables)
        {
            Assert.Equal(0L, await sql.Scalar($"SELECT count(*) FROM directory.{table}"));
        }

        await using var owner = new NpgsqlConnection(_storage.OwnerConnection);
        await owner.OpenAsync(Cancel);
        foreach (string table in OwnedTables.Except(["session", "invite", "tenant"]))
        {
            await using var command = new NpgsqlCommand($"SELECT count(*) FROM directory.{table}", owner);
            Assert.Equal(0L, await command.ExecuteScalarAsync(Cancel));
        }

        Assert.Equal(PostgresErrorCodes.InvalidTextRepresentation, (await Assert.ThrowsAsync<PostgresException>(() => Forged("' OR true --"))).SqlState);
    }

    private async Task<object?> Forged(string tenants)
    {
        await using UnfinishedTransaction sql = await As(tenants);
        return await sql.Scalar("SELECT count(*) FROM directory.account");
    }

    [Fact]
    public async Task A_token_shows_its_session_and_no_more()
    {
        await using UnfinishedTransaction sql = await As("");
        await sql.Run("SELECT set_config('monstera.session_token', encode($1, 'hex'), true)", Token(2));
        Assert.Equal(_theirs.Value, await sql.Scalar("SELECT tenant FROM directory.session"));
        Assert.Equal(1L, await sql.Scalar("SELECT count(*) FROM directory.session"));
        Assert.Equal(0L, await sql.Scalar("SELECT count(*) FROM directory.account"));
        Assert.Equal(0, await sql.Run("UPDATE directory.session SET expires_at = 'infinity'"));
        Assert.Equal(0, await sql.Run("DELETE FROM directory.session"));
    }

    [Fact]
    public async Task A_key_shows_its_tenant_and_no_more()
    {
        await using UnfinishedTransaction sql = await As("");
        await sql.Run("SELECT set_config('monstera.tenant_key', 'theirs', true)");
        Assert.Equal(_theirs.Value, await sql.Scalar("SELECT id FROM directory.tenant"));
        Assert.Equal(1L, await sql.Scalar("SELECT count(*) FROM directory.tenant"));
        Assert.Equal(0L, await sql.Scalar("SELECT count(*) FROM directory.account"));
        Assert.Equal(0, await sql.Run("UPDATE directory.tenant SET name = 'changed'"));
    }

    [Fact]
    public async Task Sweeping_takes_only_what_has_expired_and_tells_nothing()
    {
        await using UnfinishedTransaction sql = await As("");
        Assert.Equal(DBNull.Value, await sql.Scalar("SELECT directory.remove_expired($1)", Now) ?? DBNull.Value);
        await sql.Commit();
        Assert.NotNull(await _storage.Directory.FindSession(Token(1), Now, Cancel));
        Assert.NotNull(await _storage.Directory.FindSession(Token(2), Now, Cancel));
    }

    /// <summary>A query of EF that forgets the tenant, and a connection that goes from one tenant to the next.</summary>
    [Fact]
    public async Task A_connection_shows_the_tenant_of_each_command_only()
    {
        PostgresDatabase database = _storage.OpenDatabase(connectionsMax: 1);
        foreach (TenantId tenant in new[] { _mine, _theirs, _mine })
        {
            await using NpgsqlConnection connection = database.Source.CreateConnection();
            await using (DirectoryContext context = DirectoryContext.Rent(connection, tenant, "SELECT 1"))
            {
                Assert.Equal(tenant, Assert.Single(await context.Accounts.ToListAsync(Cancel)).Tenant);
                Assert.Equal(tenant, Assert.Single(await context.Sessions.ToListAsync(Cancel)).Tenant);
                Assert.Equal(1, await context.Invites.ExecuteUpdateAsync(set => set.SetProperty(row => row.UsesLeft, 1), Cancel));
            }

            await connection.OpenAsync(Cancel);
            await using var forgetful = new NpgsqlCommand("SELECT count(*) FROM directory.account", connection);
            Assert.Equal(0L, await forgetful.ExecuteScalarAsync(Cancel));
        }

        var directory = new PostgresDirectory(database);
        Assert.NotNull(await directory.FindSession(Token(2), Now, Cancel));
        await directory.EnsureTenant("theirs", Now, Cancel);
        await using NpgsqlConnection after = await database.Source.OpenConnectionAsync(Cancel);
        await using var count = new NpgsqlCommand("SELECT (SELECT count(*) FROM directory.session) + (SELECT count(*) FROM directory.tenant)", after);
        Assert.Equal(0L, await count.ExecuteScalarAsync(Cancel));
    }

    /// <summary>So that no table is ever added without the wall.</summary>
    [Fact]
    public async Task Every_table_with_a_tenant_is_walled()
    {
        await using var owner = new NpgsqlConnection(_storage.OwnerConnection);
        await owner.OpenAsync(Cancel);
        await using var command = new NpgsqlCommand(
            """
            SELECT c.relname::text, c.relrowsecurity AND c.relforcerowsecurity,
                (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'tenants' AND p.polcmd = '*' AND p.polroles = '{0}')
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relnamespace = 'directory'::regnamespace AND c.relkind IN ('r', 'p') AND (a.attname = 'tenant' OR c.relname = 'tenant' AND a.attname = 'id')
            """,
            owner);
        Dictionary<string, (bool Forced, long Policies)> tables = [];
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(Cancel);
        while (await reader.ReadAsync(Cancel))
        {
            tables.Add(reader.GetString(0), (reader.GetBoolean(1), reader.GetInt64(2)));
        }

        Assert.Equal(OwnedTables.Order(), tables.Keys.Order());
        Assert.All(tables.Values, table => Assert.Equal((true, 1), table));
    }
}
