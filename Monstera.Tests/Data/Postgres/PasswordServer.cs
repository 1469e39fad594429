using Monstera.Tests.Clients;
using Npgsql;

namespace Monstera.Tests.Data.Postgres;

/// <summary>A PostgreSQL server that asks for passwords, as an operator's does, and notes every statement in its log.</summary>
public sealed class PasswordServer : IDisposable
{
    /// <summary>Of the administrator.</summary>
    public const string Password = "admin-secret'\"; \\ 葵";

    private readonly PostgresServer _server;

    public PasswordServer()
    {
        _server = PostgresServer.Start("fsync=off", "log_statement=all");
        string superuser = _server.SuperuserConnection("postgres");
        using var connection = new NpgsqlConnection(superuser);
        connection.Open();
        Run(connection, $"ALTER ROLE postgres PASSWORD '{Password.Replace("'", "''", StringComparison.Ordinal)}'");

        // From here on nobody comes in without.
        string rules = (string)Run(connection, "SELECT current_setting('hba_file')")!;
        Run(connection, $"COPY (SELECT 'host all all 127.0.0.1/32 scram-sha-256') TO '{rules}'");
        Run(connection, "SELECT pg_reload_conf()");
        Signal.Poll(() => !LetsIn(superuser), "the server to ask for passwords").GetAwaiter().GetResult();
        Admin = new NpgsqlConnectionStringBuilder(superuser) { Password = Password }.ConnectionString;
        LogStart = Log().Length;
    }

    public string Admin { get; }

    private int LogStart { get; }

    /// <summary>A connection string as it stands in a configuration.</summary>
    public string Of(string role, string password, string database) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = _server.Port,
        Username = role,
        Password = password,
        Database = database,
    }.ConnectionString;

    /// <summary>What the server noted since it began to ask for passwords.</summary>
    public string NewLog() => Log()[LogStart..];

    public object? Ask(string sql, string database = "postgres")
    {
        using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(Admin) { Database = database }.ConnectionString);
        connection.Open();
        return Run(connection, sql);
    }

    public void Dispose() => _server.Dispose();

    private string Log() => (string)Ask("SELECT pg_read_file(current_setting('data_directory') || '/../log')")!;

    private static bool LetsIn(string withoutPassword)
    {
        try
        {
            using var connection = new NpgsqlConnection(withoutPassword);
            connection.Open();
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    private static object? Run(NpgsqlConnection connection, string sql)
    {
#pragma warning disable CA2100 // Written by the tests.
        using var command = new NpgsqlCommand(sql, connection);
#pragma warning restore CA2100
        return command.ExecuteScalar();
    }
}
