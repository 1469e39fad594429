using System.Globalization;
using System.Text;
using Monstera.Data.Archive;
using Monstera.Data.Postgres;
using Monstera.Data.Sqlite;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Data.Sqlite;
using Npgsql;

namespace Monstera.Tests.Data.Archive;

/// <summary>What a provider gives to <see cref="RoomArchiveContract"/>: empty storage, archives of it, and a look behind them.</summary>
public abstract class ArchiveUnderTest : IDisposable
{
    protected static readonly string[] Tables = ["room", "event", "member", "message_state", "reaction", "reaction_emoji"];

    public abstract StorageUnderTest Storage { get; }

    /// <summary>Of a database that was told that it receives a copy.</summary>
    public abstract IRoomArchive Archive { get; }

    /// <summary>Of a database that is served.</summary>
    public abstract IRoomArchive Served { get; }

    /// <summary>Rows of all tables that have something of rooms, but for the outbox.</summary>
    public abstract long CountRows();

    /// <summary>Whether the text is anywhere in the tables.</summary>
    public abstract bool Holds(string text);

    public abstract void Dispose();
}

public sealed class SqliteArchiveUnderTest : ArchiveUnderTest
{
    private static readonly SqliteQuery[] Counts = [.. Tables.Select(table => new SqliteQuery($"SELECT count(*) FROM {table}"))];

    private readonly SqliteStorage _storage = new();

    public override StorageUnderTest Storage => _storage;

    public override IRoomArchive Archive => new SqliteRoomArchive(_storage.Database, receivesCopy: true);

    public override IRoomArchive Served => new SqliteRoomArchive(_storage.Database);

    public string Folder => _storage.Folder;

    public override long CountRows()
    {
        using SqliteConnection connection = SqliteConnection.Open(Path.Combine(Folder, SqliteDatabase.FileName), readOnly: true);
        long rows = 0;
        foreach (SqliteQuery count in Counts)
        {
            using SqliteStatement row = connection.Prepare(count);
            row.Step();
            rows += row.Int64(0);
        }

        return rows;
    }

    /// <summary>In all bytes of the file; the log is folded into it first.</summary>
    public override bool Holds(string text)
    {
        _storage.Reopen();
        return File.ReadAllBytes(Path.Combine(Folder, SqliteDatabase.FileName)).AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;
    }

    public override void Dispose() => _storage.Dispose();
}

public sealed class PostgresArchiveUnderTest : ArchiveUnderTest
{
    private readonly PostgresStorage _storage = new();
    private readonly NpgsqlDataSource _owner;

    public PostgresArchiveUnderTest()
    {
        _owner = PostgresRoomArchive.Connect(PostgresServer.Shared.OwnerConnection(_storage.Name));
        Archive = new PostgresRoomArchive(_owner, receivesCopy: true);
        Served = new PostgresRoomArchive(_owner);
    }

    public string Name => _storage.Name;

    public override StorageUnderTest Storage => _storage;

    public override IRoomArchive Archive { get; }

    public override IRoomArchive Served { get; }

    public override long CountRows() => Convert.ToInt64(Ask(string.Join(" + ", Tables.Select(table => $"(SELECT count(*) FROM rooms.{table})"))), CultureInfo.InvariantCulture);

    public override bool Holds(string text) =>
        ((string)Ask(string.Join(" || ", Tables.Select(table => $"coalesce((SELECT string_agg(t::text, '') FROM rooms.{table} t), '')")))).Contains(text, StringComparison.Ordinal);

    public override void Dispose()
    {
        _owner.Dispose();
        _storage.Dispose();
    }

    private object Ask(string expression)
    {
        using var connection = new NpgsqlConnection(PostgresServer.Shared.SuperuserConnection(Name));
        connection.Open();
#pragma warning disable CA2100 // Written by the tests.
        using var command = new NpgsqlCommand($"SELECT {expression}", connection);
#pragma warning restore CA2100
        return command.ExecuteScalar()!;
    }
}
