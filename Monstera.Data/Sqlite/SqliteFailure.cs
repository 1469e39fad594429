using SQLitePCL;

namespace Monstera.Data.Sqlite;

/// <summary>Turns SQLite's result codes into the exceptions of the contracts.</summary>
internal static class SqliteFailure
{
    /// <summary>
    /// The storage's fault (disk full, not writable, broken, locked by somebody who should not be there) becomes <see cref="StorageUnavailableException"/>.
    /// Anything else is a bug of ours.
    /// </summary>
    public static Exception Of(sqlite3? db, int code, string doing)
    {
        string detail = raw.sqlite3_errstr(code).utf8_to_string();
        string message = db is null ? detail : $"{detail} ({raw.sqlite3_errmsg(db).utf8_to_string()})";
        return (code & 0xFF) switch
        {
            raw.SQLITE_BUSY or raw.SQLITE_LOCKED or raw.SQLITE_NOMEM or raw.SQLITE_READONLY or raw.SQLITE_IOERR
                or raw.SQLITE_CORRUPT or raw.SQLITE_FULL or raw.SQLITE_CANTOPEN or raw.SQLITE_PROTOCOL or raw.SQLITE_NOTADB
                => new StorageUnavailableException($"SQLite could not {doing}: {message}."),
            _ => new InvalidOperationException($"SQLite could not {doing}: {message}, code {code}."),
        };
    }
}
