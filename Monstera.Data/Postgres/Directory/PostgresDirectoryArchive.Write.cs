using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Npgsql;

namespace Monstera.Data.Postgres.Directory;

public sealed partial class PostgresDirectoryArchive
{
    // Kept from being finished while this is written.
    private const string LockState = "SELECT state FROM directory.installation FOR SHARE";

    private const string WriteTenants =
        """
        INSERT INTO directory.tenant (id, key, name, set_up, default_room)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[], $5::uuid[])
        ON CONFLICT (id) DO UPDATE SET key = excluded.key, name = excluded.name, set_up = excluded.set_up, default_room = excluded.default_room
        """;

    private const string WriteAccounts =
        """
        INSERT INTO directory.account
            (tenant, id, user_name, display_name, display_folded, role, created_at, password_hash, failures, locked_until, subject, presence, presence_version)
        SELECT $1, n.* FROM unnest(
            $2::uuid[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::timestamptz[], $8::text[], $9::integer[], $10::timestamptz[], $11::text[],
            $12::smallint[], $13::bigint[]) n
        ON CONFLICT (tenant, id) DO UPDATE SET
            user_name = excluded.user_name, display_name = excluded.display_name, display_folded = excluded.display_folded, role = excluded.role,
            created_at = excluded.created_at, password_hash = excluded.password_hash, failures = excluded.failures, locked_until = excluded.locked_until,
            subject = excluded.subject, presence = excluded.presence, presence_version = excluded.presence_version
        """;

    private const string WriteSessions =
        """
        INSERT INTO directory.session (tenant, id, user_id, token_hash, created_at, last_seen_at, expires_at, client)
        SELECT $1, n.* FROM unnest($2::uuid[], $3::uuid[], $4::bytea[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[], $8::text[])
            n (id, user_id, token_hash, created_at, last_seen_at, expires_at, client)
        WHERE EXISTS (SELECT FROM directory.account a WHERE a.tenant = $1 AND a.id = n.user_id)
        ON CONFLICT (tenant, id) DO UPDATE SET
            user_id = excluded.user_id, token_hash = excluded.token_hash, created_at = excluded.created_at, last_seen_at = excluded.last_seen_at,
            expires_at = excluded.expires_at, client = excluded.client
        """;

    private const string WriteInvites =
        """
        INSERT INTO directory.invite (tenant, id, code, created_by, created_at, expires_at, uses_left)
        SELECT $1, n.* FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::integer[]) n
        ON CONFLICT (tenant, id) DO UPDATE SET
            code = excluded.code, created_by = excluded.created_by, created_at = excluded.created_at, expires_at = excluded.expires_at, uses_left = excluded.uses_left
        """;

    private const string WriteUserRooms =
        """
        INSERT INTO directory.user_room (tenant, user_id, room, seq, member, joined_at, read_seq)
        SELECT $1, n.* FROM unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::boolean[], $6::timestamptz[], $7::bigint[]) n
        ON CONFLICT (tenant, user_id, room) DO UPDATE SET
            seq = excluded.seq, member = excluded.member, joined_at = excluded.joined_at, read_seq = excluded.read_seq
        """;

    private const string CorrectUserRooms =
        """
        UPDATE directory.user_room r SET seq = n.seq, member = n.member, joined_at = n.joined_at, read_seq = greatest(r.read_seq, n.read_seq)
        FROM unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::boolean[], $6::bigint[], $7::boolean[], $8::timestamptz[], $9::bigint[])
            n (user_id, room, was_seq, was_member, seq, member, joined_at, read_seq)
        WHERE r.tenant = $1 AND r.user_id = n.user_id AND r.room = n.room AND r.seq = n.was_seq AND r.member = n.was_member
        """;

    /// <inheritdoc/>
    public async ValueTask Write(IReadOnlyList<DirectoryRecord> rows, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Count == 0)
        {
            return;
        }

        (string statement, object[] values) = rows[0] switch
        {
            TenantRecord => (WriteTenants, Columns<TenantRecord>(
                rows, all => [Of(all, r => r.Tenant.Value), Of(all, r => r.TenantKey), Of(all, r => r.Name), Of(all, r => r.SetUp), Of(all, r => r.DefaultRoom?.Value)])),
            AccountRecord => (WriteAccounts, Columns<AccountRecord>(rows, all =>
            [
                rows[0].Tenant.Value, Of(all, r => r.Id.Value), Of(all, r => r.UserName), Of(all, r => r.DisplayName), Of(all, r => r.DisplayFolded),
                Of(all, r => (short)r.Role), Of(all, r => PostgresTime.Of(r.CreatedAt)), Of(all, r => r.PasswordHash), Of(all, r => r.Failures),
                Of(all, r => r.LockedUntil is { } until ? PostgresTime.Of(until) : (DateTimeOffset?)null), Of(all, r => r.Subject),
                Of(all, r => (short)r.Presence), Of(all, r => r.PresenceVersion),
            ])),
            SessionRecord => (WriteSessions, Columns<SessionRecord>(rows, all =>
            [
                rows[0].Tenant.Value, Of(all, r => r.Id.Value), Of(all, r => r.User.Value), Of(all, r => Convert.FromHexString(r.TokenHash)),
                Of(all, r => PostgresTime.Of(r.CreatedAt)), Of(all, r => PostgresTime.Of(r.LastSeenAt)), Of(all, r => PostgresTime.Of(r.ExpiresAt)),
                Of(all, r => r.Client),
            ])),
            InviteRecord => (WriteInvites, Columns<InviteRecord>(rows, all =>
            [
                rows[0].Tenant.Value, Of(all, r => r.Id.Value), Of(all, r => r.Code), Of(all, r => r.CreatedBy.Value), Of(all, r => PostgresTime.Of(r.CreatedAt)),
                Of(all, r => PostgresTime.Of(r.ExpiresAt)), Of(all, r => r.UsesLeft),
            ])),
            _ => (WriteUserRooms, Columns<UserRoomRecord>(rows, all =>
            [
                rows[0].Tenant.Value, Of(all, r => r.User.Value), Of(all, r => r.Room.Value), Of(all, r => r.Seq), Of(all, r => r.Member),
                Of(all, r => PostgresTime.Of(r.JoinedAt)), Of(all, r => r.ReadSeq),
            ])),
        };
        await Change(rows.Select(row => row.Tenant).Distinct(), statement, values, cancel);
    }

    /// <inheritdoc/>
    public async ValueTask<int> Correct(IReadOnlyList<(UserRoomRecord Was, UserRoomRecord Is)> rows, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(rows);
        (UserRoomRecord Was, UserRoomRecord Is)[] all = [.. rows.OrderBy(row => row.Was.Key)];
        return all.Length == 0
            ? 0
            : await _database.Batch(batch => batch.See(all[0].Was.Tenant)
                .Add(
                    CorrectUserRooms, all[0].Was.Tenant.Value, Of(all, r => r.Was.User.Value), Of(all, r => r.Was.Room.Value), Of(all, r => r.Was.Seq), Of(all, r => r.Was.Member),
                    Of(all, r => r.Is.Seq), Of(all, r => r.Is.Member), Of(all, r => PostgresTime.Of(r.Is.JoinedAt)), Of(all, r => r.Is.ReadSeq))
                .Run(cancel));
    }

    /// <inheritdoc/>
    public async ValueTask Remove(DirectoryTable table, TenantId tenant, IReadOnlyCollection<DirectoryKey> keys, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (keys.Count == 0)
        {
            return;
        }

        Guid[] first = [.. keys.Select(key => key.First)];
        (string statement, object[] values) = table switch
        {
            DirectoryTable.Tenants => ("DELETE FROM directory.tenant WHERE id = $1", [tenant.Value]),
            DirectoryTable.Accounts => ("DELETE FROM directory.account WHERE tenant = $1 AND id = ANY ($2)", [tenant.Value, first]),
            DirectoryTable.Sessions => ("DELETE FROM directory.session WHERE tenant = $1 AND id = ANY ($2)", [tenant.Value, first]),
            DirectoryTable.Invites => ("DELETE FROM directory.invite WHERE tenant = $1 AND id = ANY ($2)", [tenant.Value, first]),
            DirectoryTable.UserRooms => (
                "DELETE FROM directory.user_room WHERE tenant = $1 AND (user_id, room) IN (SELECT * FROM unnest($2::uuid[], $3::uuid[]))",
                new object[] { tenant.Value, first, keys.Select(key => key.Second).ToArray() }),
            _ => throw new ArgumentOutOfRangeException(nameof(table)),
        };
        await Change([tenant], statement, values, cancel);
    }

    private async ValueTask Change(IEnumerable<TenantId> tenants, string statement, object[] values, CancellationToken cancel)
    {
        try
        {
            await _database.Transaction(
                async (connection, transaction) =>
                {
                    if (await Run(connection, LockState, [], cancel) is not (short)InstallationState.ReceivesCopy)
                    {
                        throw new ArchiveConflictException("This installation does not receive a copy: its directory is written by servers alone.");
                    }

                    await Run(connection, "SELECT set_config('monstera.tenants', $1, true)", [$"{{{string.Join(',', tenants)}}}"], cancel);
                    await Run(connection, statement, values, cancel);
                    await transaction.CommitAsync(CancellationToken.None);
                    return true;
                },
                cancel);
        }
        catch (PostgresException e) when (e.SqlState.StartsWith("22", StringComparison.Ordinal) || e.SqlState.StartsWith("23", StringComparison.Ordinal))
        {
            throw new ArchiveConflictException($"A row of the directory does not fit to what is there: {e.MessageText} ({e.SqlState}).");
        }
    }

    private static async Task<object?> Run(NpgsqlConnection connection, string statement, object[] values, CancellationToken cancel)
    {
#pragma warning disable CA2100 // Constants of this class.
        await using var command = new NpgsqlCommand(statement, connection);
#pragma warning restore CA2100
        foreach (object value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return await command.ExecuteScalarAsync(cancel);
    }

    private static object[] Columns<T>(IReadOnlyList<DirectoryRecord> rows, Func<T[], object[]> columns) => columns([.. rows.Cast<T>()]);

    private static TValue[] Of<T, TValue>(T[] rows, Func<T, TValue> column) => Array.ConvertAll(rows, row => column(row));
}
