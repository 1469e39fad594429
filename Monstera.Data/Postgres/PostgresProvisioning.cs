using System.Text;
using Monstera.Data.Postgres.Directory;
using Npgsql;

namespace Monstera.Data.Postgres;

/// <summary>A database that is to be there.</summary>
/// <param name="Options">With the owner's connection string, which is straight to the server.</param>
/// <param name="Shard">Its number, when it has rooms.</param>
public sealed record WantedDatabase(PostgresOptions Options, PostgresParts Parts, short? Shard);

/// <summary>
/// Makes the roles and databases that connection strings name, with an administrator's rights, and what is in them with the owner's. Whatever is there already stays as it is: may be
/// run again and again. No password is ever sent as it is, not even to the server: statements end up in its log.
/// </summary>
/// <param name="admin">The administrator's connection string, straight to the server. With several servers: its user and password count for each.</param>
/// <param name="tell">Is given a line for each thing that was made, or was there.</param>
public sealed class PostgresProvisioning(string admin, Action<string> tell)
{
    /// <summary>PostgreSQL cuts longer names, and two could become one.</summary>
    private const int NameBytesMax = 63;

    /// <summary>Keeps two who make the same things apart.</summary>
    private const long LockKey = 0x4D6F_6E73_7465_7262;

    private readonly HashSet<(string? Host, int Port, string Role, string What)> _told = [];

    /// <summary>
    /// 1. refuses what cannot be safe, before anything is made; 2. makes roles and databases; 3. brings the schemas up to date, and connects as the one who will serve; 4. writes
    /// into the databases of rooms which shard they are.
    /// </summary>
    /// <param name="databases">One of them has the directory.</param>
    /// <exception cref="StorageRefusedException">Roles that would not keep tenants apart, a database that cannot hold all texts, or an administrator who is none.</exception>
    /// <exception cref="StorageUnavailableException">A server cannot be reached, or lets somebody not in.</exception>
    public async Task Make(IReadOnlyList<WantedDatabase> databases, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(databases);

        // 1.
        Names[] wanted = [.. databases.Select(database => new Names(database.Options))];
        Array.ForEach(wanted, names => names.Refuse());

        // 2.
        IGrouping<(string, int), Names>[] servers = [.. wanted.GroupBy(names => (names.Host, names.Port))];
        foreach (IGrouping<(string Host, int Port), Names> server in servers)
        {
            await OnServer(servers.Length == 1 ? null : server.Key, server, cancel);
        }

        // 3. and 4.
        List<PostgresDatabase> opened = [];
        try
        {
            foreach (WantedDatabase database in databases)
            {
                opened.Add(Open(database));
                tell($"Schema of the database {new Names(database.Options).Database}: up to date.");
            }

            Guid installation = PostgresInstallation.Read(opened[databases.ToList().FindIndex(database => database.Parts.HasFlag(PostgresParts.Directory))]).Id;
            for (int i = 0; i < databases.Count; i++)
            {
                if (databases[i].Shard is { } shard)
                {
                    bool known = opened[i].FindIdentity() is not null;
                    opened[i].Identify(new ShardIdentity(shard, installation));
                    tell($"{(known ? "Was there" : "Made")}: shard {shard} in the database {wanted[i].Database}.");
                }
            }
        }
        finally
        {
            opened.ForEach(database => database.Dispose());
        }
    }

    private static PostgresDatabase Open(WantedDatabase database)
    {
        try
        {
            // Behind a pooler the one who serves may be known later.
            return database.Options.Pooler ? PostgresDatabase.OpenAsOwner(database.Options, database.Parts, migrate: true) : PostgresDatabase.Open(database.Options, database.Parts);
        }
        catch (StorageUnavailableException e) when (e.InnerException is PostgresException { SqlState: PostgresErrorCodes.InvalidPassword })
        {
            throw new StorageUnavailableException($"{e.Message} A role that was there before keeps its password: give that one, or change it with ALTER ROLE.", e.InnerException);
        }
    }

    private async Task OnServer((string Host, int Port)? server, IEnumerable<Names> wanted, CancellationToken cancel)
    {
        NpgsqlConnectionStringBuilder builder = new(admin) { Pooling = false, IncludeErrorDetail = false, Enlist = false };
        builder.Database ??= "postgres";
        if (server is { } at)
        {
            (builder.Host, builder.Port) = at;
        }

        try
        {
            await using var connection = new NpgsqlConnection(builder.ConnectionString);
            await connection.OpenAsync(cancel);
            await Execute(connection, "SELECT pg_advisory_lock($1)", [LockKey], cancel);
            foreach (Names names in wanted)
            {
                await RefuseServing(connection, names, cancel);
                await MakeRole(connection, names.Owner, names.OwnerPassword, "owns the schemas", cancel);
                await MakeRole(connection, names.App, names.AppPassword, "serves", cancel);
                await MakeDatabase(connection, names, cancel);
                await LetReadStatistics(connection, names, cancel);
            }
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new StorageRefusedException($"The administrator lacks a right: {e.MessageText}.", e);
        }
        catch (PostgresException e) when (!PostgresFailure.IsFault(e))
        {
            // A name that the server does not take, for one.
            throw new StorageRefusedException($"PostgreSQL refused: {e.MessageText} ({e.SqlState}).", e);
        }
        catch (Exception e) when (PostgresFailure.IsFault(e))
        {
            throw PostgresFailure.Of(e)!;
        }
    }

    /// <summary>Row level security would not hold for it, and the server would refuse it later.</summary>
    private static async Task RefuseServing(NpgsqlConnection connection, Names names, CancellationToken cancel)
    {
        object? unsafeRole = await Scalar(
            connection,
            """
            SELECT a.rolsuper OR a.rolbypassrls OR coalesce(pg_has_role(a.oid, o.oid, 'MEMBER'), false)
            FROM pg_roles a LEFT JOIN pg_roles o ON o.rolname = $2 WHERE a.rolname = $1
            """,
            [names.App, names.Owner], cancel);
        if (unsafeRole is true)
        {
            throw new StorageRefusedException(
                $"The role {names.App}, which is to serve, is a superuser, bypasses row level security, or is a member of {names.Owner}: tenants would not be kept apart. Give a role of its own.");
        }
    }

    private async Task MakeRole(NpgsqlConnection connection, string role, string? password, string what, CancellationToken cancel)
    {
        object? mayLogIn = await Scalar(connection, "SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", [role], cancel);
        if (mayLogIn is false)
        {
            throw new StorageRefusedException($"The role {role} is there and may not log in: give another name, or let it (ALTER ROLE … LOGIN).");
        }

        if (mayLogIn is null)
        {
            string[] names = password is null ? [role] : [role, ScramSecret.Of(password)];
            await Run(connection, password is null ? "CREATE ROLE %I LOGIN" : "CREATE ROLE %I LOGIN PASSWORD %L", names, cancel);
        }

        // Most databases have the same two roles: each is told once.
        if (_told.Add((connection.Host, connection.Port, role, what)))
        {
            tell($"{(mayLogIn is null ? "Made" : "Was there")}: role {role}, which {what}.");
        }
    }

    private async Task MakeDatabase(NpgsqlConnection connection, Names names, CancellationToken cancel)
    {
        object? encoding = await Scalar(connection, "SELECT pg_encoding_to_char(encoding)::text FROM pg_database WHERE datname = $1", [names.Database], cancel);
        if (encoding is not null and not "UTF8")
        {
            throw new StorageRefusedException($"The database {names.Database} is there with the encoding {encoding}: it does not hold all texts. Give another name.");
        }

        if (encoding is null)
        {
            // Who is no superuser gives away only to roles of which he is a member.
            bool joins = await Scalar(connection, "SELECT pg_has_role(current_user, $1, 'MEMBER')", [names.Owner], cancel) is false;
            if (joins)
            {
                await Run(connection, "GRANT %I TO CURRENT_USER", [names.Owner], cancel);
            }

            await Run(connection, "CREATE DATABASE %I OWNER %I ENCODING 'UTF8' TEMPLATE template0", [names.Database, names.Owner], cancel);
            if (joins)
            {
                await Run(connection, "REVOKE %I FROM CURRENT_USER", [names.Owner], cancel);
            }
        }

        tell($"{(encoding is null ? "Made" : "Was there")}: database {names.Database}.");
    }

    /// <summary>How far replicas are behind is a statistic that not everybody may read. An administrator may lack the right to say who may; all else works without.</summary>
    private async Task LetReadStatistics(NpgsqlConnection connection, Names names, CancellationToken cancel)
    {
        foreach (string role in new[] { names.Owner, names.App })
        {
            try
            {
                if (await Scalar(connection, "SELECT pg_has_role($1, 'pg_read_all_stats', 'MEMBER')", [role], cancel) is false)
                {
                    await Run(connection, "GRANT pg_read_all_stats TO %I", [role], cancel);
                    tell($"Made: {role} may read statistics (pg_read_all_stats), for the lag of replicas.");
                }
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
            {
                tell($"Not made: {role} may not read statistics, because the administrator may not grant pg_read_all_stats. The lag of replicas is unknown then; nothing else needs it.");
            }
        }
    }

    /// <summary>The server itself quotes the names: %I stands for a name, %L for a text.</summary>
    private static async Task Run(NpgsqlConnection connection, string statement, string[] names, CancellationToken cancel)
    {
        string quoted = (string)(await Scalar(connection, "SELECT format($1, VARIADIC $2)", [statement, names], cancel))!;
        await Execute(connection, quoted, [], cancel);
    }

    private static async Task Execute(NpgsqlConnection connection, string sql, object[] values, CancellationToken cancel)
    {
        await using NpgsqlCommand command = Command(connection, sql, values);
        await command.ExecuteNonQueryAsync(cancel);
    }

    private static async Task<object?> Scalar(NpgsqlConnection connection, string sql, object[] values, CancellationToken cancel)
    {
        await using NpgsqlCommand command = Command(connection, sql, values);
        return await command.ExecuteScalarAsync(cancel);
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, object[] values)
    {
#pragma warning disable CA2100 // Constants of this class, and what the server quoted.
        var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 300 };
#pragma warning restore CA2100
        foreach (object value in values)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        }

        return command;
    }

    /// <summary>What two connection strings say of a database.</summary>
    private sealed class Names
    {
        public Names(PostgresOptions options)
        {
            NpgsqlConnectionStringBuilder app = new(options.ConnectionString);
            NpgsqlConnectionStringBuilder owner = new(options.OwnerConnectionString ?? throw new ArgumentException("There is no owner's connection string.", nameof(options)));
            (App, AppPassword) = (app.Username!, app.Password);
            (Owner, OwnerPassword) = (owner.Username!, owner.Password);
            (Host, Port) = (owner.Host!, owner.Port);
            Database = owner.Database ?? Owner;
            AppDatabase = app.Database ?? App;
            IsPooled = options.Pooler;
        }

        public string App { get; }

        public string? AppPassword { get; }

        public string Owner { get; }

        public string? OwnerPassword { get; }

        public string Host { get; }

        public int Port { get; }

        public string Database { get; }

        private string AppDatabase { get; }

        private bool IsPooled { get; }

        public void Refuse()
        {
            if (App == Owner)
            {
                throw new StorageRefusedException($"The role {App} is to serve and to own the schemas: tenants would not be kept apart. Give two roles.");
            }

            // A pooler may have names of its own.
            if (AppDatabase != Database && !IsPooled)
            {
                throw new StorageRefusedException($"The role that serves would use the database {AppDatabase}, and the owner {Database}: give the same one to both.");
            }

            if (new[] { App, Owner, Database }.FirstOrDefault(name => name.Length == 0 || name.Contains('\0', StringComparison.Ordinal) || Encoding.UTF8.GetByteCount(name) > NameBytesMax) is { } bad)
            {
                throw new StorageRefusedException($"'{bad}' cannot be the name of a role or database: PostgreSQL takes 1 to {NameBytesMax} bytes.");
            }
        }
    }
}
