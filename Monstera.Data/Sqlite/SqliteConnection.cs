using SQLitePCL;

namespace Monstera.Data.Sqlite;

/// <summary>One connection to the database file and its prepared statements. One user at a time.</summary>
internal sealed class SqliteConnection : IDisposable
{
    private static readonly SqliteQuery BeginRead = new("BEGIN");
    private static readonly SqliteQuery BeginWrite = new("BEGIN IMMEDIATE");
    private static readonly SqliteQuery CommitAll = new("COMMIT");

    private readonly sqlite3 _db;
    private readonly byte[] _scratch = new byte[4096];
    private SqliteStatement?[] _statements = new SqliteStatement?[128];

    private SqliteConnection(sqlite3 db) => _db = db;

    /// <summary>Whether a transaction is open.</summary>
    public bool InTransaction => raw.sqlite3_get_autocommit(_db) == 0;

    /// <param name="foreign">For reading a file that another process owns: nothing is written, not even at the end, when the last connection to close would fold the log.</param>
    public static SqliteConnection Open(string path, bool readOnly, bool foreign = false)
    {
        SqliteLibrary.EnsureLoaded();

        // NOMUTEX: the owner of the connection sees to it that one thread at a time uses it. A reader needs write access to the
        // file for the -shm index of the WAL; query_only below keeps it from writing.
        int access = foreign ? raw.SQLITE_OPEN_READONLY : raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE;
        int code = raw.sqlite3_open_v2(path, out sqlite3 db, access | raw.SQLITE_OPEN_NOMUTEX, null);
        if (code != raw.SQLITE_OK)
        {
            Exception failure = SqliteFailure.Of(db, code, $"open {path}");
            db?.Dispose();
            throw failure;
        }

        var connection = new SqliteConnection(db);
        try
        {
            _ = raw.sqlite3_extended_result_codes(db, 1);
            _ = raw.sqlite3_busy_timeout(db, 5_000);
            connection.Execute(readOnly ? ReaderSettings : WriterSettings);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    // page_size: 4 KiB, what file systems write at once; only counts for a file that is being made.
    // synchronous=FULL: the WAL is synced at each commit, so that what was committed survives a power cut.
    // secure_delete: freed cells and pages are overwritten with zeros; with a database of chat, what is deleted shall be gone.
    // wal_autocheckpoint: in pages, within a commit. SqliteCheckpointer folds the log beside the writing long before.
    // journal_size_limit: the WAL file shrinks back to this after a burst.
    private const string WriterSettings =
        """
        PRAGMA page_size = 4096;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA foreign_keys = ON;
        PRAGMA secure_delete = ON;
        PRAGMA temp_store = MEMORY;
        PRAGMA cache_size = -65536;
        PRAGMA wal_autocheckpoint = 16000;
        PRAGMA journal_size_limit = 67108864;
        """;

    private const string ReaderSettings =
        """
        PRAGMA query_only = ON;
        PRAGMA temp_store = MEMORY;
        PRAGMA cache_size = -8192;
        """;

    /// <summary>The prepared statement of this query, for one use: dispose of it, or let <see cref="SqliteStatement.Run"/> do so.</summary>
    public SqliteStatement Prepare(SqliteQuery query)
    {
        if (query.Number < _statements.Length && _statements[query.Number] is { } known)
        {
            return known.Take();
        }

        return PrepareSlow(query);
    }

    private SqliteStatement PrepareSlow(SqliteQuery query)
    {
        if (query.Number >= _statements.Length)
        {
            Array.Resize(ref _statements, Math.Max(query.Number + 1, _statements.Length * 2));
        }

        int code = raw.sqlite3_prepare_v3(_db, query.Text, raw.SQLITE_PREPARE_PERSISTENT, out sqlite3_stmt handle);
        if (code != raw.SQLITE_OK)
        {
            throw SqliteFailure.Of(_db, code, "prepare a statement");
        }

        var statement = new SqliteStatement(_db, handle, query, _scratch);
        _statements[query.Number] = statement;
        return statement.Take();
    }

    /// <summary>Runs statements without parameters, for settings and migrations.</summary>
    public void Execute(string script)
    {
        int code = raw.sqlite3_exec(_db, script, out string error);
        if (code != raw.SQLITE_OK)
        {
            throw SqliteFailure.Of(_db, raw.sqlite3_extended_errcode(_db), $"execute a script: {error}");
        }
    }

    public long InsertedRowId => raw.sqlite3_last_insert_rowid(_db);

    /// <summary>Pages that this connection wrote into the log since it was last asked.</summary>
    public int TakePagesWritten() =>
        raw.sqlite3_db_status(_db, raw.SQLITE_DBSTATUS_CACHE_WRITE, out int pages, out _, resetFlg: 1) == raw.SQLITE_OK ? pages : 0;

    public void Begin(bool write) => Prepare(write ? BeginWrite : BeginRead).Run();

    public void Commit() => Prepare(CommitAll).Run();

    /// <summary>Ends the transaction, if one is open, without its changes. Never throws: it is called while another failure is on its way.</summary>
    /// <returns>False when the connection is in no state to be used again.</returns>
    public bool TryRollback()
    {
        // Some failures (full disk, I/O) have made SQLite roll back by itself.
        return !InTransaction || raw.sqlite3_exec(_db, "ROLLBACK") == raw.SQLITE_OK;
    }

    public void Dispose()
    {
        foreach (SqliteStatement? statement in _statements)
        {
            statement?.Close();
        }

        _db.Dispose();
    }
}
