using System.Diagnostics;
using Monstera.Tests.Clients;
using Npgsql;

namespace Monstera.Tests.Data.Postgres;

/// <summary>A real PgBouncer in transaction mode before the shared server. It ends with this process, however that ends.</summary>
public sealed class PgBouncer : IDisposable
{
    // Ends with its input, which is also that of the tests' process.
    private const string WatchdogScript = """ "$@" & pid=$!; cat > /dev/null; kill -INT $pid; wait $pid """;

    private static readonly Lock Gate = new();
    private static PgBouncer? _shared;

    private readonly Process _process;
    private readonly string _folder;
    private readonly int _port;
    private readonly Task<string> _errors;

    private PgBouncer(PostgresTools tools, string program, PostgresServer server)
    {
        _folder = tools.MakeFolder();
        _port = PostgresTools.FreePort();
        string config = Path.Combine(_folder, "pgbouncer.ini");
        string users = Path.Combine(_folder, "users.txt");
        File.WriteAllText(users, $"\"{PostgresServer.App}\" \"\"\n");
        File.WriteAllText(
            config,
            $"""
            [databases]
            * = host=127.0.0.1 port={server.Port}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {_port}
            unix_socket_dir =
            auth_type = trust
            auth_file = {users}
            pool_mode = transaction
            default_pool_size = 4
            max_client_conn = 1000
            server_idle_timeout = 5

            """);
        (string name, string[] arguments) = tools.Command(program, config);
        ProcessStartInfo start = new("/bin/sh", ["-c", WatchdogScript, "watchdog", name, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        _process = Process.Start(start)!;
        string? line;
        do
        {
            line = _process.StandardError.ReadLine();
        }
        while (line?.Contains("process up", StringComparison.Ordinal) == false);

        Assert.NotNull(line);

        // Goes on until the process ends, so that the pipe never fills up.
        _errors = _process.StandardError.ReadToEndAsync();
    }

    public static PgBouncer Shared
    {
        get
        {
            lock (Gate)
            {
                return _shared ??= Start(PostgresServer.Shared);
            }
        }
    }

    /// <summary>For the one who serves.</summary>
    public string Connection(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = _port,
        Username = PostgresServer.App,
        Database = database,
    }.ConnectionString;

    public void Dispose()
    {
        _process.StandardInput.Close();
        _errors.GetAwaiter().GetResult();
        _process.WaitForExit();
        _process.Dispose();
        System.IO.Directory.Delete(_folder, recursive: true);
    }

    internal static void DisposeShared()
    {
        lock (Gate)
        {
            _shared?.Dispose();
            _shared = null;
        }
    }

    private static PgBouncer Start(PostgresServer server)
    {
        string? program = Array.Find(["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"], File.Exists);
        Requires.That(program is not null, "PgBouncer is not installed.");
        PostgresTools? tools = PostgresTools.Find(out string reason);
        Requires.That(tools is not null, reason);
        return new PgBouncer(tools!, program!, server);
    }
}
