using System.Text;
using SQLitePCL;

namespace Monstera.Data.Sqlite;

/// <summary>
/// A prepared statement that its connection keeps. Disposing hands it back (reset, ready for the next use); the parameters are bound by
/// their number, from 1.
/// </summary>
/// <remarks>
/// Over SQLite's own functions rather than ADO.NET: on the append path the objects that a DbCommand makes for each use cost more than SQLite.
/// </remarks>
/// <param name="scratch">Shared by the connection's statements. Long enough for most messages; longer texts take an array from the heap.</param>
internal sealed class SqliteStatement(sqlite3 db, sqlite3_stmt handle, SqliteQuery query, byte[] scratch) : IDisposable
{
    private bool _inUse;

    /// <summary>Takes the statement for one use.</summary>
    public SqliteStatement Take()
    {
        if (_inUse)
        {
            throw new InvalidOperationException($"Statement used while in use: {query.Text}");
        }

        _inUse = true;
        return this;
    }

    public SqliteStatement Bind(int index, long value)
    {
        Check(raw.sqlite3_bind_int64(handle, index, value));
        return this;
    }

    public SqliteStatement Bind(int index, long? value)
    {
        Check(value is { } number ? raw.sqlite3_bind_int64(handle, index, number) : raw.sqlite3_bind_null(handle, index));
        return this;
    }

    public SqliteStatement Bind(int index, Guid value)
    {
        value.TryWriteBytes(scratch, bigEndian: true, out int length);
        Check(raw.sqlite3_bind_blob(handle, index, scratch.AsSpan(0, length)));
        return this;
    }

    public SqliteStatement Bind(int index, Guid? value)
    {
        if (value is { } id)
        {
            return Bind(index, id);
        }

        Check(raw.sqlite3_bind_null(handle, index));
        return this;
    }

    /// <summary>What sorts before every id: the empty blob.</summary>
    public SqliteStatement BindBeginning(int index)
    {
        Check(raw.sqlite3_bind_zeroblob(handle, index, 0));
        return this;
    }

    public SqliteStatement Bind(int index, ReadOnlySpan<byte> value)
    {
        Check(raw.sqlite3_bind_blob(handle, index, value));
        return this;
    }

    public SqliteStatement Bind(int index, string? value)
    {
        if (value is null)
        {
            Check(raw.sqlite3_bind_null(handle, index));
        }
        else if (value.Length == 0)
        {
            // An empty span has no address, which SQLite would take for NULL.
            Check(raw.sqlite3_bind_text(handle, index, value));
        }
        else
        {
            byte[] bytes = Encoding.UTF8.GetMaxByteCount(value.Length) <= scratch.Length ? scratch : new byte[Encoding.UTF8.GetByteCount(value)];
            Check(raw.sqlite3_bind_text(handle, index, bytes.AsSpan(0, Encoding.UTF8.GetBytes(value, bytes))));
        }

        return this;
    }

    /// <summary>To the next row.</summary>
    /// <returns>False when there is none.</returns>
    public bool Step()
    {
        int code = raw.sqlite3_step(handle);
        return code switch
        {
            raw.SQLITE_ROW => true,
            raw.SQLITE_DONE => false,
            _ => throw SqliteFailure.Of(db, raw.sqlite3_extended_errcode(db), "run a statement"),
        };
    }

    /// <summary>Runs a statement that has no rows to read, and hands it back.</summary>
    /// <returns>How many rows it changed.</returns>
    public int Run()
    {
        using (this)
        {
            while (Step())
            {
            }

            return raw.sqlite3_changes(db);
        }
    }

    public bool IsNull(int column) => raw.sqlite3_column_type(handle, column) == raw.SQLITE_NULL;

    public long Int64(int column) => raw.sqlite3_column_int64(handle, column);

    public int Int32(int column) => raw.sqlite3_column_int(handle, column);

    public bool Bool(int column) => Int64(column) != 0;

    public long? Int64OrNull(int column) => IsNull(column) ? null : Int64(column);

    public Guid Guid(int column) => new(raw.sqlite3_column_blob(handle, column), bigEndian: true);

    public Guid? GuidOrNull(int column) => IsNull(column) ? null : Guid(column);

    public string Text(int column) => Encoding.UTF8.GetString(raw.sqlite3_column_blob(handle, column));

    public string? TextOrNull(int column) => IsNull(column) ? null : Text(column);

    public byte[] Bytes(int column) => raw.sqlite3_column_blob(handle, column).ToArray();

    /// <summary>Length of a text in UTF-8; 0 for NULL.</summary>
    public int TextBytes(int column) => raw.sqlite3_column_bytes(handle, column);

    public DateTimeOffset Time(int column) => DateTimeOffset.FromUnixTimeMilliseconds(Int64(column));

    public DateTimeOffset? TimeOrNull(int column) => IsNull(column) ? null : Time(column);

    public void Dispose()
    {
        // The code of reset repeats that of the last step, which was reported then. All parameters are bound anew at every
        // use; NULL for those left from before would only hide a forgotten one, but a long text should not stay in memory.
        _ = raw.sqlite3_reset(handle);
        _ = raw.sqlite3_clear_bindings(handle);
        _inUse = false;
    }

    /// <summary>Ends the statement for good; its connection closes.</summary>
    public void Close() => handle.Dispose();

    private void Check(int code)
    {
        if (code != raw.SQLITE_OK)
        {
            throw SqliteFailure.Of(db, code, "bind a parameter");
        }
    }
}
