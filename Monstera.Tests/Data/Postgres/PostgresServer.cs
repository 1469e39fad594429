using System.Collections.Concurrent;
using System.Globalization;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Npgsql;

[assembly: AssemblyFixture(typeof(PostgresServers))]

namespace Monstera.Tests.Data.Postgres;

/// <summary>
/// A real PostgreSQL server of the tests' own, on a free port of 127.0.0.1, in a folder that goes with it. One is shared by all tests (<see cref="Shared"/>); who wants to
/// stop it starts a private one. It ends with this process, however that ends.
/// </summary>
public sealed class PostgresServer : IDisposable
{
    /// <summary>Owns the databases and makes the schema. No superuser.</summary>
    public const string Owner = "monstera_owner";

    /// <summary>What a server connects as: owns nothing, and row level security holds for it.</summary>
    public const string App = "monstera_app";

    private const string Superuser = "postgres";

    /// <summary>Settings with which a server can have standbys.</summary>
    public static readonly IReadOnlyList<string> Replicated = ["wal_level=replica", "max_wal_senders=4"];

    /// <summary>Quick rather than safe from a power cut; tests of durability start a server of their own without these.</summary>
    public static readonly IReadOnlyList<string> Hasty = ["fsync=off", "full_page_writes=off", "autovacuum_naptime=1h"];

    private static readonly Lock Gate = new();
    private static PostgresServer? _shared;
    private static string? _fresh;
    private static System.Diagnostics.Process? _freshWatchdog;

    private readonly ConcurrentDictionary<string, Lazy<bool>> _templates = [];
    private readonly string _folder;
    private readonly string _data;
    private readonly PostgresTools _tools;
    private readonly System.Diagnostics.Process _watchdog;
    private int _databases;

    private PostgresServer(PostgresTools tools, string[] settings)
    {
        _tools = tools;
        _folder = tools.MakeFolder();
        _data = Path.Combine(_folder, "data");
        tools.Copy(Fresh(tools), _data);
        Port = PostgresTools.FreePort();
        Set(
        [
            "listen_addresses='127.0.0.1'", $"port={Port}", "unix_socket_directories=''", "max_connections=400", "shared_buffers=64MB",
            "max_wal_senders=0", "wal_level=minimal", "log_min_messages=warning", .. settings,
        ]);
        _watchdog = tools.Watch(_data, _folder);
        Restart();
        Execute(Connection(Superuser, "postgres"), $"CREATE ROLE {Owner} LOGIN", $"CREATE ROLE {App} LOGIN");
    }

    /// <summary>A standby of another one, with its settings but for the port.</summary>
    private PostgresServer(PostgresTools tools, int primaryPort)
    {
        _tools = tools;
        _folder = tools.MakeFolder();
        _data = Path.Combine(_folder, "data");
        tools.Run(
            "pg_basebackup", "-h", "127.0.0.1", "-p", $"{primaryPort}", "-U", Superuser, "-D", _data, "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync");
        Port = PostgresTools.FreePort();
        Set([$"port={Port}", "hot_standby=on"]);
        _watchdog = tools.Watch(_data, _folder);
        Restart();
    }

    public int Port { get; }

    /// <summary>The server of all tests that leave it running. Started at the first use; quick rather than safe from a power cut.</summary>
    public static PostgresServer Shared
    {
        get
        {
            lock (Gate)
            {
                return _shared ??= Start([.. Hasty]);
            }
        }
    }

    /// <summary>A server of the caller's own, as an operator would run it, but for <paramref name="settings"/> (lines of postgresql.conf).</summary>
    public static PostgresServer Start(params string[] settings)
    {
        PostgresTools? tools = PostgresTools.Find(out string reason);
        Requires.That(tools is not null, reason);
        return new PostgresServer(tools!, settings);
    }

    /// <summary>A streaming standby, which takes queries when this is back. This server needs <see cref="Replicated"/>.</summary>
    public PostgresServer StartReplica() => new(_tools, Port);

    /// <summary>For the one who makes and changes the schema.</summary>
    public string OwnerConnection(string database) => Connection(Owner, database);

    /// <summary>For the one who serves.</summary>
    public string AppConnection(string database) => Connection(App, database);

    /// <summary>For what only an administrator may: bypasses row level security.</summary>
    public string SuperuserConnection(string database) => Connection(Superuser, database);

    /// <summary>
    /// A fresh database of <see cref="Owner"/>, a copy of a template which <paramref name="prepare"/> makes once for each <paramref name="template"/>, given the owner's
    /// connection string.
    /// </summary>
    /// <returns>Its name.</returns>
    public string CreateDatabase(string template, Action<string> prepare)
    {
        _ = _templates.GetOrAdd(template, name => new Lazy<bool>(() =>
        {
            CreateFrom("template0", name);
            prepare(OwnerConnection(name));
            return true;
        })).Value;
        return CreateFrom(template, name: null);
    }

    /// <summary>A fresh database of <see cref="Owner"/> with nothing in it.</summary>
    public string CreateEmptyDatabase() => CreateFrom("template0", name: null);

    /// <summary>Cuts whoever is connected.</summary>
    public void DropDatabase(string name) =>
        Execute(Connection(Superuser, "postgres"), $"DROP DATABASE IF EXISTS {name} WITH (FORCE)");

    /// <summary>As a power cut for the processes: nothing is finished, nothing is flushed. Back at the end of them.</summary>
    public void StopImmediately() => _tools.Run("pg_ctl", "-D", _data, "-w", "-m", "immediate", "stop");

    /// <summary>Back when it takes connections.</summary>
    public void Restart() => _tools.Run("pg_ctl", "-D", _data, "-w", "-t", "60", "-s", "-l", Path.Combine(_folder, "log"), "start");

    public static void Execute(string connectionString, params string[] statements)
    {
        using var connection = new NpgsqlConnection(connectionString);
        connection.Open();
        foreach (string statement in statements)
        {
#pragma warning disable CA2100 // Written by the tests.
            using var command = new NpgsqlCommand(statement, connection);
#pragma warning restore CA2100
            command.ExecuteNonQuery();
        }
    }

    public void Dispose() => End(_watchdog);

    internal static void DisposeShared()
    {
        lock (Gate)
        {
            _shared?.Dispose();
            _shared = null;
            if (_freshWatchdog is not null)
            {
                End(_freshWatchdog);
                (_fresh, _freshWatchdog) = (null, null);
            }
        }
    }

    /// <summary>Its input ends: it stops the server and removes the folder.</summary>
    private static void End(System.Diagnostics.Process watchdog)
    {
        watchdog.StandardInput.Close();
        watchdog.WaitForExit();
        watchdog.Dispose();
    }

    /// <summary>Data as initdb leaves them, made once: a copy is made four times as quickly.</summary>
    private static string Fresh(PostgresTools tools)
    {
        lock (Gate)
        {
            if (_fresh is null)
            {
                string folder = tools.MakeFolder();
                string data = Path.Combine(folder, "data");
                _freshWatchdog = tools.Watch(data, folder);
                tools.Run("initdb", "-D", data, "-U", Superuser, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync");
                _fresh = data;
            }

            return _fresh;
        }
    }

    private void Set(string[] settings) => File.AppendAllText(Path.Combine(_data, "postgresql.auto.conf"), string.Join('\n', settings) + "\n");

    private string CreateFrom(string template, string? name)
    {
        name ??= string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref _databases)}");
        Execute(Connection(Superuser, "postgres"), $"CREATE DATABASE {name} TEMPLATE {template} OWNER {Owner}");
        return name;
    }

    // Without a pool: connections that lie idle in one would keep a template from being copied.
    private string Connection(string user, string database) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = Port,
        Username = user,
        Database = database,
        Pooling = false,
        IncludeErrorDetail = true,
    }.ConnectionString;
}

/// <summary>Stops the shared server when the assembly's tests are done.</summary>
public sealed class PostgresServers : IDisposable
{
    public void Dispose()
    {
        PgBouncer.DisposeShared();
        PostgresPair.DisposeShared();
        PostgresServer.DisposeShared();
    }
}
